import type { Clock } from "../core/clock.ts";
import { earlyRefusal } from "./early_refusal.ts";
import type { GatherPart } from "./gather_part.ts";
import { Inputs, readInputs } from "../template/inputs.ts";
import { JsonDocument } from "../json/json_document.ts";
import { type OnPage, PartPlanner, type Planning } from "./part_planner.ts";
import { readPreferences } from "../http/prefer.ts";
import { type Outcome, type Part, settle, settleAll, type SettleOptions } from "./settle.ts";
import type { Call, Context } from "../core/source.ts";
import { Completion, type Rule } from "./completion.ts";

/** The options of a gather. */
export interface GatherOptions {
  readonly clock: Clock;
  /** Maximum size of the client's body (bytes); absent when no part refers to the body. */
  readonly readsBody?: number;
  /** How many parts, of any, must succeed; absent: all that are not optional. */
  readonly quorum?: number;
  /** Whether the response may be cached, which retains the headers of all replies (default true). */
  readonly isCached?: boolean;
  /** Whether the response is made of the data of all parts, which is then parsed (default false). */
  readonly usesAll?: boolean;
}

/** The results of parts where none uses another's. */
const NO_OUTPUTS = new Map<string, JsonDocument>();
/** What a part that needs a skipped one gets in its place, if it accepts that. */
const ABSENT = JsonDocument.of(null);

/** A gather that has ended. */
export interface Gathered {
  readonly completion: Completion;
  /** The outcomes of its parts in the order of their arrival. */
  readonly outcomes: readonly Outcome[];
  /** The client's values, and the data of the parts that others use. */
  readonly inputs: Inputs;
}

/** A gather that is ready to start. */
interface Prepared {
  readonly inputs: Inputs;
  readonly parts: readonly Part[];
  readonly completion: Completion;
}

/** A running gather. */
export interface Gathering {
  /** Whether the gather has succeeded or failed so far. */
  readonly completion: Completion;
  /** The outcomes of its parts as they arrive; `cancelled` for a part that was not needed. */
  readonly outcomes: AsyncGenerator<Outcome, void, void>;
}

/**
 * Plans the calls of a gather: what does not depend on the request is prepared once, at start.
 *
 * Per request, every call is made in a dry run before the first one is sent: with the client's
 * values, and placeholders for those of other parts. A client's mistake that only a later part would
 * notice would otherwise cost the upstreams of all parts before it, and end as a failure of that
 * part. After the dry run, an unusable value can only be an upstream's (`input-invalid`, not 400).
 */
export class GatherPlan {
  /** In the order of the response. */
  readonly parts: readonly GatherPart[];
  readonly #options: GatherOptions;
  readonly #planner: PartPlanner;
  /** Parts whose results others use. */
  readonly #needed: ReadonlySet<string>;
  readonly #required: ReadonlySet<string>;
  /** Optional parts that no required one needs. */
  readonly #optional: ReadonlySet<string>;
  readonly #usualRule: Rule;
  readonly #strictRule: Rule;
  /** Whether the client's body, or a list that may be long, comes before the first call. */
  readonly #awaitsInputs: boolean;
  /** Parts that may be skipped, by their own conditions or those of parts that they need. */
  readonly #conditional: ReadonlySet<string>;
  /** The others. */
  readonly #certain: readonly GatherPart[];
  /** Whether some part's calls may be refused before they are made. */
  readonly #mayRefuse: boolean;

  constructor(parts: readonly GatherPart[], options: GatherOptions) {
    this.parts = parts;
    this.#options = options;
    this.#needed = new Set(
      parts.flatMap(({ name, needs = [] }) => options.usesAll ? [name, ...needs] : needs),
    );
    this.#required = new Set(parts.filter(({ optional }) => !optional).map(({ name }) => name));
    this.#optional = optionalParts(parts);
    this.#usualRule = this.#rule(false);
    this.#strictRule = this.#rule(true);
    this.#awaitsInputs = options.readsBody !== undefined || parts.some(({ each }) => each);
    this.#conditional = conditionalParts(parts);
    this.#planner = new PartPlanner({
      needed: this.#needed,
      conditional: this.#conditional,
      isCached: options.isCached ?? true,
    });
    this.#certain = parts.filter(({ name }) => !this.#conditional.has(name));
    this.#mayRefuse = parts.some(({ refusal }) => refusal);
  }

  /**
   * Starts the gather, after a dry run of every call: an invalid request reaches no upstream.
   * @param onPage receives the pages of each list that may be streamed page by page
   * @throws {GatewayError} `bad-request` or `payload-too-large`
   */
  async start(call: Call, ctx: Context, onPage?: OnPage): Promise<Gathering> {
    const { parts, completion, inputs } = await this.#prepare(call, ctx, onPage);
    const isDecided = (outcome: Outcome) => {
      ctx.trace.parts.push(outcome);
      if (outcome.isSkipped) inputs.outputs.set(outcome.part, ABSENT);
      return completion.add(outcome);
    };
    return { completion, outcomes: settle(parts, ctx, this.#settling(isDecided)) };
  }

  /** The same for a response that is written when all parts have settled. */
  run(call: Call, ctx: Context): Promise<Gathered> {
    const preparing = this.#prepare(call, ctx);
    return preparing instanceof Promise
      ? preparing.then((prepared) => this.#runPrepared(prepared, ctx))
      : this.#runPrepared(preparing, ctx);
  }

  #runPrepared({ parts, completion, inputs }: Prepared, ctx: Context): Promise<Gathered> {
    const outcomes: Outcome[] = [];
    const isDecided = (outcome: Outcome) => {
      ctx.trace.parts.push(outcome);
      outcomes.push(outcome);
      if (outcome.isSkipped) inputs.outputs.set(outcome.part, ABSENT);
      return completion.add(outcome);
    };
    const gathered = { completion, outcomes, inputs };
    return settleAll(parts, ctx, this.#settling(isDecided)).then(() => gathered);
  }

  /** Makes the parts; a promise only where the client's body or a long list must be awaited. */
  #prepare(call: Call, ctx: Context, onPage?: OnPage): Prepared | Promise<Prepared> {
    const { readsBody } = this.#options;
    if (this.#awaitsInputs) {
      return readInputs(call, ctx, readsBody).then(async (inputs) => {
        const invalid = await this.#planner.checkLists(this.parts, inputs);
        return this.#prepared(call, ctx, { inputs, invalid }, onPage);
      });
    }
    const given = this.#needed.size + this.#conditional.size === 0
      ? { outputs: NO_OUTPUTS }
      : undefined;
    const inputs = new Inputs(call, undefined, given);
    return this.#prepared(call, ctx, { inputs, invalid: undefined }, onPage);
  }

  #prepared(
    call: Call,
    { trace }: Context,
    { inputs, invalid }: Pick<Planning, "inputs" | "invalid">,
    onPage?: OnPage,
  ): Prepared {
    const isStrict = readPreferences(call.headers).handling === "strict";
    const rule = isStrict ? this.#strictRule : this.#usualRule;
    const planning = { inputs, rule, onPage, invalid };
    const parts: Part[] = [];
    for (const part of this.parts) {
      const planned = this.#planner.plan(part, planning);
      const isOptional = rule === this.#usualRule && this.#optional.has(part.name);
      parts.push(isOptional ? { ...planned, isOptional } : planned);
    }
    if (this.#mayRefuse) {
      const error = earlyRefusal(this.#certain, new Completion(rule), inputs, trace);
      if (error) throw error;
    }
    return { inputs, parts, completion: new Completion(rule) };
  }

  #settling(isDecided: (outcome: Outcome) => boolean): SettleOptions {
    return { clock: this.#options.clock, isDecided };
  }

  #rule(isStrict: boolean): Rule {
    const { quorum } = this.#options;
    if (quorum !== undefined) return { of: "any", quorum, count: this.parts.length };
    return { of: "required", isRequired: (part) => isStrict || this.#required.has(part) };
  }
}

/** The optional parts, without those that required ones need, directly or through others. */
function optionalParts(parts: readonly GatherPart[]): Set<string> {
  const optional = new Set(parts.filter(({ optional }) => optional).map(({ name }) => name));
  const byName = new Map(parts.map((part) => [part.name, part]));
  const require = (needs: readonly string[] = []) => {
    for (const need of needs) if (optional.delete(need)) require(byName.get(need)?.needs);
  };
  for (const { optional, needs } of parts) if (!optional) require(needs);
  return optional;
}

/** The parts that have conditions, and those that need them, directly or through others. */
function conditionalParts(parts: readonly GatherPart[]): Set<string> {
  const conditional = new Set(parts.filter(({ when }) => when).map(({ name }) => name));
  for (let size = -1; size < conditional.size;) {
    size = conditional.size;
    for (const { name, needs = [] } of parts) {
      if (needs.some((need) => conditional.has(need))) conditional.add(name);
    }
  }
  return conditional;
}
