import { turns } from "../async/turns.ts";
import type { Bytes } from "../core/bytes.ts";
import type { Clock } from "../core/clock.ts";
import { each } from "./each.ts";
import { type Inputs, readInputs } from "../template/inputs.ts";
import { JsonDocument } from "../json/json_document.ts";
import { paged } from "./paged.ts";
import type { PagesOptions } from "./pages.ts";
import type { Selection } from "../json/pick.ts";
import { readPreferences } from "../http/prefer.ts";
import { type Outcome, type Part, settle } from "./settle.ts";
import type { Call, Context, Policy, Source } from "../core/source.ts";
import { isClients, type TemplateName } from "../template/reference.ts";
import { Completion, type Rule } from "./completion.ts";

/** A member of a gather: whom to ask, and what. */
export interface GatherPart {
  readonly name: string;
  readonly source: Source;
  /** Makes its question. Throws a GatewayError when a value cannot be used. */
  readonly call: (inputs: Inputs) => Call;
  /** The parts whose answers the question is made of (default none). */
  readonly needs?: readonly string[];
  /** The client's headers that the question is made of, in lower case (default none). */
  readonly clientHeaders?: readonly string[];
  /** Whether the question has an Authorization of the client's (default false). */
  readonly isAuthorized?: boolean;
  /** Whether the response may depend on who the client is (default false). */
  readonly isPerClient?: boolean;
  /** Asks for each item of a list, instead of once. */
  readonly each?: EachItem;
  /** Walks the pages of what the source answers, instead of asking once. */
  readonly pages?: PagedList;
  /** Whether the rest is worth having without it. */
  readonly optional: boolean;
  /** The JSON value that stands in for an optional part that failed (default null). */
  readonly otherwise?: unknown;
}

/** A list to ask for, item by item. */
export interface EachItem {
  /** Where it is. */
  readonly items: TemplateName;
  /** How many items are in flight at most. */
  readonly concurrency: number;
  /** How many items the list may have. */
  readonly max: number;
}

/** A list that comes in pages. */
export interface PagedList {
  readonly walk: PagesOptions;
  /** The members that are kept of each item (default all). */
  readonly pick?: Selection | undefined;
  /** Gives the whole list its form; it is not told page by page then. */
  readonly shape?: Policy | undefined;
}

/** A page of a part's list. */
export interface PartPage {
  readonly part: string;
  /** A JSON list. */
  readonly list: Bytes;
  readonly isLast: boolean;
}

/** Takes a page; the next one is asked for once it has resolved. */
export type OnPage = (page: PartPage, signal: AbortSignal) => Promise<void>;

/** What a gather needs besides its parts. */
export interface GatherOptions {
  readonly clock: Clock;
  /** The largest client body that is read (bytes); absent when no part refers to the body. */
  readonly readsBody?: number;
  /** How many parts must succeed, whichever they are; absent: each that is not optional. */
  readonly quorum?: number;
  /** Whether the answer may be cached, which takes the headers of all that it is made of (default true). */
  readonly isCached?: boolean;
}

/** What trying a question costs, in bytes of parsed JSON (see Turns). */
const TRIAL_WORK = 1024;
/** How many times its JSON a parsed value takes, by experience. */
const PARSED_FACTOR = 4;

/** A gather under way. */
export interface Gathering {
  /** What has become of it so far. */
  readonly completion: Completion;
  /** What its parts came to, as they come; `cancelled` for one that was no longer needed. */
  readonly outcomes: AsyncGenerator<Outcome, void, void>;
}

/** What a gather asks, whoever asks it. */
export class GatherPlan {
  /** In the order of the answer. */
  readonly parts: readonly GatherPart[];
  readonly #options: GatherOptions;
  /** Parts whose answers others are made of. */
  readonly #needed: ReadonlySet<string>;
  readonly #required: ReadonlySet<string>;

  constructor(parts: readonly GatherPart[], options: GatherOptions) {
    this.parts = parts;
    this.#options = options;
    this.#needed = new Set(parts.flatMap(({ needs = [] }) => needs));
    this.#required = new Set(parts.filter(({ optional }) => !optional).map(({ name }) => name));
  }

  /**
   * Asks the parts. Every question is tried with what the client sent before any is asked: a
   * request at fault then reaches no upstream.
   * @param onPage told of the pages of each list that may be told page by page
   * @throws {GatewayError} `bad-request` or `payload-too-large`
   */
  async start(call: Call, ctx: Context, onPage?: OnPage): Promise<Gathering> {
    const { clock, readsBody } = this.#options;
    const inputs = await readInputs(call, ctx, readsBody);
    const rule = this.#rule(readPreferences(call.headers).handling === "strict");
    const questions: Part[] = [];
    for (const part of this.parts) {
      if (part.each) await tryItems(part, part.each, inputs);
      questions.push(this.#part(part, inputs, rule, onPage));
    }
    const verdict = new Completion(rule);
    const outcomes = settle(questions, ctx, {
      clock,
      isDecided(outcome) {
        ctx.trace.parts.push(outcome);
        return verdict.add(outcome);
      },
    });
    return { completion: verdict, outcomes };
  }

  #rule(isStrict: boolean): Rule {
    const { quorum } = this.#options;
    if (quorum !== undefined) return { of: "any", quorum, count: this.parts.length };
    return { of: "required", isRequired: (part) => isStrict || this.#required.has(part) };
  }

  #part(part: GatherPart, inputs: Inputs, rule: Rule, onPage?: OnPage): Part {
    const question = part.each
      ? this.#list(part, part.each, inputs, rule)
      : part.pages
      ? walked(single(part, inputs), part.pages, rule, onPage)
      : single(part, inputs);
    if (!this.#needed.has(part.name)) return question;
    return { ...question, source: recording(question, inputs.outputs) };
  }

  #list(part: GatherPart, list: EachItem, inputs: Inputs, rule: Rule): Part {
    const { name, source, needs = [], call } = part;
    const late = inputs.afterTrial();
    return {
      name,
      needs,
      call: inputs.call,
      source: (_call, ctx) =>
        each({
          part: name,
          source,
          items: itemsOf(name, list, late),
          question: (item) => call(late.withItem(item)),
          concurrency: list.concurrency,
          isStrict: isStrict(rule, name),
          isCached: this.#options.isCached ?? true,
        }, ctx),
    };
  }
}

/** A part's one question; made at once, unless it needs what others have yet to answer. */
function single({ name, source, needs = [], call }: GatherPart, inputs: Inputs): Part {
  if (needs.length === 0) return { name, source, call: call(inputs) };
  call(inputs.trial());
  const late = inputs.afterTrial();
  return { name, source, needs, call: () => call(late) };
}

/** The same question, of which the answer is one page. */
function walked(
  question: Part,
  { walk, pick, shape }: PagedList,
  rule: Rule,
  onPage?: OnPage,
): Part {
  const { name: part, source } = question;
  const isTold = onPage !== undefined && rule.of === "required" && shape === undefined;
  const list: Source = (call, ctx) =>
    paged(
      {
        part,
        source,
        walk,
        pick,
        isStrict: isStrict(rule, part),
        onPage: isTold ? (list, isLast) => onPage({ part, list, isLast }, ctx.signal) : undefined,
      },
      call,
      ctx,
    );
  return { ...question, source: shape ? shape(list) : list };
}

/** Whether a part that has failed in some of it has failed. */
function isStrict(rule: Rule, part: string): boolean {
  return rule.of === "any" || rule.isRequired(part);
}

/**
 * Tries the question for each item that the client sent; for one of a list that is still to come.
 * @throws {GatewayError} what is wrong with the list, or with an item
 */
async function tryItems({ name, call }: GatherPart, list: EachItem, inputs: Inputs): Promise<void> {
  if (!isClients(list.items.reference)) return void call(inputs.withItem(undefined).trial());
  for (const item of itemsOf(name, list, inputs)) {
    const turn = turns.take(TRIAL_WORK);
    if (turn) await turn;
    call(inputs.withItem(item).trial());
  }
}

/** @throws {GatewayError} when there is no list, or it is too long */
function itemsOf(part: string, { items, max }: EachItem, inputs: Inputs): readonly unknown[] {
  const list = inputs.list(items);
  if (list.length <= max) return list;
  const detail = `${items.name}: has ${list.length} items, of which ${part} takes at most ${max}`;
  throw inputs.fault(detail, "too-many-items");
}

/** The source; what it answers is there for later questions. */
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
