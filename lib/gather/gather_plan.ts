import { turns } from "../async/turns.ts";
import type { Bytes } from "../core/bytes.ts";
import type { Clock } from "../core/clock.ts";
import { each } from "./each.ts";
import { earlyRefusal, type RefusablePart } from "./early_refusal.ts";
import { Inputs, readInputs } from "../template/inputs.ts";
import { JsonDocument } from "../json/json_document.ts";
import { paged } from "./paged.ts";
import type { PagesOptions } from "./pages.ts";
import type { Selection } from "../json/pick.ts";
import { readPreferences } from "../http/prefer.ts";
import { type Outcome, type Part, settle, settleAll, type SettleOptions } from "./settle.ts";
import type { Call, Context, Policy, Source } from "../core/source.ts";
import { isClients, type TemplateName } from "../template/reference.ts";
import { Completion, type Rule } from "./completion.ts";

/** A part of a gather: the source, and how to make its call. */
export interface GatherPart extends RefusablePart {
  readonly source: Source;
  /** Makes the part's call. Throws a GatewayError when a value cannot be used. */
  readonly call: (inputs: Inputs) => Call;
  /** The client's headers that the call uses, in lower case (default none). */
  readonly clientHeaders?: readonly string[];
  /** Whether the call carries the client's Authorization (default false). */
  readonly isAuthorized?: boolean;
  /** Whether the response may depend on the client (default false). */
  readonly isPerClient?: boolean;
  /** Makes a call for each item of a list, instead of one. */
  readonly each?: EachItem;
  /** Walks the pages of a list, instead of making one call. */
  readonly pages?: PagedList;
  /** Whether the response is useful without this part. */
  readonly optional: boolean;
  /** The JSON value that replaces an optional part when it fails (default null). */
  readonly otherwise?: unknown;
}

/** A list to make calls for, item by item. */
export interface EachItem {
  /** The reference to the list. */
  readonly items: TemplateName;
  /** Maximum concurrent calls. */
  readonly concurrency: number;
  /** Maximum items. */
  readonly max: number;
}

/** A paginated list. */
export interface PagedList {
  readonly walk: PagesOptions;
  /** The members to pick of each item (default all). */
  readonly pick?: Selection | undefined;
  /** Transforms the whole list, which is then not streamed page by page. */
  readonly shape?: Policy | undefined;
}

/** A page of a part's list. */
export interface PartPage {
  readonly part: string;
  /** A JSON list. */
  readonly list: Bytes;
  readonly isLast: boolean;
}

/** Receives a page; the next one is requested once this has resolved. */
export type OnPage = (page: PartPage, signal: AbortSignal) => Promise<void>;

/** The options of a gather. */
export interface GatherOptions {
  readonly clock: Clock;
  /** Maximum size of the client's body (bytes); absent when no part refers to the body. */
  readonly readsBody?: number;
  /** How many parts, of any, must succeed; absent: all that are not optional. */
  readonly quorum?: number;
  /** Whether the response may be cached, which retains the headers of all replies (default true). */
  readonly isCached?: boolean;
}

/** The results of parts where none uses another's. */
const NO_OUTPUTS = new Map<string, never>();
/** The work of one dry run, in bytes of parsed JSON (see Turns). */
const DRY_RUN_WORK = 1024;
/** Memory of a parsed value as a multiple of its JSON, an estimate from measurements. */
const PARSED_FACTOR = 4;

/** A gather that has ended. */
export interface Gathered {
  readonly completion: Completion;
  /** The outcomes of its parts in the order of their arrival. */
  readonly outcomes: readonly Outcome[];
}

/** A gather that is ready to start. */
interface Prepared {
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
  /** Parts whose results others use. */
  readonly #needed: ReadonlySet<string>;
  readonly #required: ReadonlySet<string>;
  /** Optional parts that no required one needs. */
  readonly #optional: ReadonlySet<string>;
  readonly #usualRule: Rule;
  readonly #strictRule: Rule;
  /** Whether the client's body, or a list that may be long, comes before the first call. */
  readonly #awaitsInputs: boolean;
  /** Whether some part's calls may be refused before they are made. */
  readonly #mayRefuse: boolean;

  constructor(parts: readonly GatherPart[], options: GatherOptions) {
    this.parts = parts;
    this.#options = options;
    this.#needed = new Set(parts.flatMap(({ needs = [] }) => needs));
    this.#required = new Set(parts.filter(({ optional }) => !optional).map(({ name }) => name));
    this.#optional = optionalParts(parts);
    this.#usualRule = this.#rule(false);
    this.#strictRule = this.#rule(true);
    this.#awaitsInputs = options.readsBody !== undefined || parts.some(({ each }) => each);
    this.#mayRefuse = parts.some(({ refusal }) => refusal);
  }

  /**
   * Starts the gather, after a dry run of every call: an invalid request reaches no upstream.
   * @param onPage receives the pages of each list that may be streamed page by page
   * @throws {GatewayError} `bad-request` or `payload-too-large`
   */
  async start(call: Call, ctx: Context, onPage?: OnPage): Promise<Gathering> {
    const { parts, completion } = await this.#prepare(call, ctx, onPage);
    const isDecided = (outcome: Outcome) => {
      ctx.trace.parts.push(outcome);
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

  #runPrepared({ parts, completion }: Prepared, ctx: Context): Promise<Gathered> {
    const outcomes: Outcome[] = [];
    const isDecided = (outcome: Outcome) => {
      ctx.trace.parts.push(outcome);
      outcomes.push(outcome);
      return completion.add(outcome);
    };
    const gathered = { completion, outcomes };
    return settleAll(parts, ctx, this.#settling(isDecided)).then(() => gathered);
  }

  /** Makes the parts; a promise only where the client's body or a long list must be awaited. */
  #prepare(call: Call, ctx: Context, onPage?: OnPage): Prepared | Promise<Prepared> {
    const { readsBody } = this.#options;
    if (this.#awaitsInputs) {
      return readInputs(call, ctx, readsBody).then(async (inputs) => {
        for (const part of this.parts) if (part.each) await checkItems(part, part.each, inputs);
        return this.#prepared(call, ctx, inputs, onPage);
      });
    }
    const given = this.#needed.size === 0 ? { outputs: NO_OUTPUTS } : undefined;
    return this.#prepared(call, ctx, new Inputs(call, undefined, given), onPage);
  }

  #prepared(call: Call, { trace }: Context, inputs: Inputs, onPage?: OnPage): Prepared {
    const isStrict = readPreferences(call.headers).handling === "strict";
    const rule = isStrict ? this.#strictRule : this.#usualRule;
    const parts: Part[] = [];
    for (const part of this.parts) {
      const planned = this.#part(part, inputs, rule, onPage);
      const isOptional = rule === this.#usualRule && this.#optional.has(part.name);
      parts.push(isOptional ? { ...planned, isOptional } : planned);
    }
    if (this.#mayRefuse) {
      const error = earlyRefusal(this.parts, new Completion(rule), inputs, trace);
      if (error) throw error;
    }
    return { parts, completion: new Completion(rule) };
  }

  #settling(isDecided: (outcome: Outcome) => boolean): SettleOptions {
    return { clock: this.#options.clock, isDecided };
  }

  #rule(isStrict: boolean): Rule {
    const { quorum } = this.#options;
    if (quorum !== undefined) return { of: "any", quorum, count: this.parts.length };
    return { of: "required", isRequired: (part) => isStrict || this.#required.has(part) };
  }

  #part(part: GatherPart, inputs: Inputs, rule: Rule, onPage?: OnPage): Part {
    const planned = part.each
      ? this.#list(part, part.each, inputs, rule)
      : part.pages
      ? walked(single(part, inputs), part.pages, rule, onPage)
      : single(part, inputs);
    if (!this.#needed.has(part.name)) return planned;
    return { ...planned, source: recording(planned, inputs.outputs) };
  }

  #list(part: GatherPart, list: EachItem, inputs: Inputs, rule: Rule): Part {
    const { name, source, needs = [], call } = part;
    const late = inputs.afterDryRun();
    return {
      name,
      needs,
      call: inputs.call,
      source: (_call, ctx) =>
        each({
          part: name,
          source,
          items: itemsOf(name, list, late),
          call: (item) => call(late.withItem(item)),
          concurrency: list.concurrency,
          isStrict: isStrict(rule, name),
          isCached: this.#options.isCached ?? true,
        }, ctx),
    };
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

/** A part with one call, made at once unless it needs the results of other parts. */
function single({ name, source, needs = [], call }: GatherPart, inputs: Inputs): Part {
  if (needs.length === 0) return { name, source, call: call(inputs) };
  call(inputs.dryRun());
  const late = inputs.afterDryRun();
  return { name, source, needs, call: () => call(late) };
}

/** The part's list: its call is that of the first page. */
function walked(
  first: Part,
  { walk, pick, shape }: PagedList,
  rule: Rule,
  onPage?: OnPage,
): Part {
  const { name: part, source } = first;
  const isStreamed = onPage !== undefined && rule.of === "required" && shape === undefined;
  const list: Source = (call, ctx) =>
    paged(
      {
        part,
        source,
        walk,
        pick,
        isStrict: isStrict(rule, part),
        onPage: isStreamed
          ? (list, isLast) => onPage({ part, list, isLast }, ctx.signal)
          : undefined,
      },
      call,
      ctx,
    );
  return { ...first, source: shape ? shape(list) : list };
}

/** Whether the failure of one item or page fails the part. */
function isStrict(rule: Rule, part: string): boolean {
  return rule.of === "any" || rule.isRequired(part);
}

/**
 * Dry run of an `each`: of every item when the list is the client's; of a placeholder otherwise.
 * @throws {GatewayError} `bad-request` for an unusable list or item
 */
async function checkItems(
  { name, call }: GatherPart,
  list: EachItem,
  inputs: Inputs,
): Promise<void> {
  if (!isClients(list.items.reference)) return void call(inputs.withItem(undefined).dryRun());
  for (const item of itemsOf(name, list, inputs)) {
    const turn = turns.take(DRY_RUN_WORK);
    if (turn) await turn;
    call(inputs.withItem(item).dryRun());
  }
}

/** @throws {GatewayError} when it is not a list, or too long */
function itemsOf(part: string, { items, max }: EachItem, inputs: Inputs): readonly unknown[] {
  const list = inputs.list(items);
  if (list.length <= max) return list;
  const detail = `${items.name}: must have at most ${max} items for ${part}; got ${list.length}`;
  throw inputs.fault(detail, "too-many-items");
}

/** The same source, which also stores its results for the calls of other parts. */
function recording({ name, source }: Part, outputs: Map<string, JsonDocument>): Source {
  return async function recording(call, ctx) {
    const reply = await source(call, ctx);
    const length = reply.body.length ?? 0;
    const turn = turns.take(length);
    if (turn) await turn;
    ctx.buffers?.take(length * PARSED_FACTOR);
    const value = await reply.body.json(Infinity);
    outputs.set(name, new JsonDocument(await reply.body.bytes(Infinity), value));
    return reply;
  };
}
