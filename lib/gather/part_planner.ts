import { turns } from "../async/turns.ts";
import type { Bytes } from "../core/bytes.ts";
import { type GatewayError, toGatewayError } from "../core/errors.ts";
import type { Source } from "../core/source.ts";
import { JsonDocument } from "../json/json_document.ts";
import type { Inputs } from "../template/inputs.ts";
import { isClients } from "../template/reference.ts";
import type { Rule } from "./completion.ts";
import { each } from "./each.ts";
import { BatchCalls } from "./batch_calls.ts";
import type { BatchedList, EachItem, GatherPart, PagedList } from "./gather_part.ts";
import { paged } from "./paged.ts";
import type { Part } from "./settle.ts";

/** A page of a part's list. */
export interface PartPage {
  readonly part: string;
  /** A JSON list. */
  readonly list: Bytes;
  readonly isLast: boolean;
}

/** Receives a page; the next one is requested once this has resolved. */
export type OnPage = (page: PartPage, signal: AbortSignal) => Promise<void>;

/** What is known of a plan's parts. */
export interface PartPlannerOptions {
  /** Parts whose results others use. */
  readonly needed: ReadonlySet<string>;
  /** Parts that may be skipped. */
  readonly conditional: ReadonlySet<string>;
  /** Whether the response may be cached. */
  readonly isCached: boolean;
}

/** What is known of a request. */
export interface Planning {
  readonly inputs: Inputs;
  readonly rule: Rule;
  /** Receives the pages of each list that may be streamed page by page. */
  readonly onPage: OnPage | undefined;
  /** What is wrong with lists that may be skipped, by part; undefined if nothing is. */
  readonly invalid: ReadonlyMap<string, GatewayError> | undefined;
}

/** The work of one dry run, in bytes of parsed JSON (see Turns). */
const DRY_RUN_WORK = 1024;
/** Memory of a parsed value as a multiple of its JSON, an estimate from measurements. */
const PARSED_FACTOR = 4;

/** Plans the calls of parts for one request, after a dry run of each. */
export class PartPlanner {
  readonly #options: PartPlannerOptions;

  constructor(options: PartPlannerOptions) {
    this.#options = options;
  }

  /** Makes the dry runs of lists. What is wrong with one that may be skipped fails it when called. */
  async checkLists(
    parts: readonly GatherPart[],
    inputs: Inputs,
  ): Promise<Map<string, GatewayError> | undefined> {
    let invalid: Map<string, GatewayError> | undefined;
    for (const part of parts) {
      if (part.each === undefined) continue;
      try {
        await checkItems(part, part.each, inputs);
      } catch (error) {
        if (!this.#options.conditional.has(part.name)) throw error;
        (invalid ??= new Map()).set(part.name, toGatewayError(error));
      }
    }
    return invalid;
  }

  /** The part with its condition, which is decided at once where it only depends on the client. */
  plan(part: GatherPart, request: Planning): Part {
    const { inputs } = request;
    const { name, source, when } = part;
    if (when === undefined || when.usesItem) {
      return this.#part(part, request);
    }
    if (when.isLate) {
      const late = inputs.afterDryRun();
      const planned = this.#part(part, request);
      return { ...planned, when: () => when.holds(late) };
    }
    try {
      if (when.holds(inputs)) return this.#part(part, request);
      return { name, source, call: inputs.call, when: () => false };
    } catch (error) {
      return { name, source, call: failing(toGatewayError(error)) };
    }
  }

  #part(part: GatherPart, request: Planning): Part {
    const { inputs, rule, onPage } = request;
    const planned = part.batch
      ? this.#batch(part, part.batch, request)
      : part.each
      ? this.#list(part, part.each, request)
      : part.pages
      ? walked(this.#single(part, inputs), part.pages, rule, onPage)
      : this.#single(part, inputs);
    if (!this.#options.needed.has(part.name)) return planned;
    return { ...planned, source: recording(planned, inputs.outputs) };
  }

  /** A part with one call, made at once unless it needs the results of other parts. */
  #single(part: GatherPart, inputs: Inputs): Part {
    const { name, source, needs = [], call, acceptsSkipped } = part;
    if (needs.length === 0) return { name, source, call: call(inputs) };
    const late = inputs.afterDryRun();
    const planned: { -readonly [key in keyof Part]: Part[key] } = {
      name,
      source,
      needs,
      call: () => call(late),
    };
    try {
      call(inputs.dryRun());
    } catch (error) {
      // What is wrong with a call that may not be made fails it when it is made.
      if (!this.#options.conditional.has(name)) throw error;
      planned.call = failing(toGatewayError(error));
    }
    return acceptsSkipped ? { ...planned, acceptsSkipped } : planned;
  }

  #batch(part: GatherPart, batch: BatchedList, { inputs, rule }: Planning): Part {
    const { name, source, needs = [], call, acceptsSkipped } = part;
    const late = inputs.afterDryRun();
    const list = { items: batch.items, concurrency: Infinity, max: batch.maxItems };
    let given: readonly unknown[] | undefined;
    let error: GatewayError | undefined;
    try {
      if (isClients(batch.items.reference)) given = itemsOf(name, list, inputs);
    } catch (thrown) {
      if (!this.#options.conditional.has(name)) throw thrown;
      error = toGatewayError(thrown);
    }
    return {
      name,
      needs,
      ...(acceptsSkipped && { acceptsSkipped }),
      call: error ? failing(error) : inputs.call,
      source: (_call, ctx) => {
        const calls = new BatchCalls({ ...batch, call: (values) => call(late.withItem(values)) });
        const items = given ?? itemsOf(name, list, late);
        return each({
          part: name,
          source: calls.around(source),
          items,
          call: (item) => calls.callFor(item),
          onStart: (count) => calls.expect(count),
          concurrency: items.length,
          isStrict: isStrict(rule, name),
          isCached: this.#options.isCached,
        }, ctx);
      },
    };
  }

  #list(part: GatherPart, list: EachItem, { inputs, rule, invalid }: Planning): Part {
    const { name, source, needs = [], call, when, acceptsSkipped } = part;
    const error = invalid?.get(name);
    const late = inputs.afterDryRun();
    return {
      name,
      needs,
      ...(acceptsSkipped && { acceptsSkipped }),
      call: error ? failing(error) : inputs.call,
      source: (_call, ctx) =>
        each({
          part: name,
          source,
          items: itemsOf(name, list, late),
          call: (item) => call(late.withItem(item)),
          when: when?.usesItem ? (item) => when.holds(late.withItem(item)) : undefined,
          concurrency: list.concurrency,
          isStrict: isStrict(rule, name),
          isCached: this.#options.isCached,
        }, ctx),
    };
  }
}

function failing(error: GatewayError): () => never {
  return () => {
    throw error;
  };
}

/** The part's list: its call is that of the first page. */
function walked(
  first: Part,
  { walk, pick, rename, shape }: PagedList,
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
        rename,
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
  { name, call, when }: GatherPart,
  list: EachItem,
  inputs: Inputs,
): Promise<void> {
  if (when?.usesItem) return; // not every item gets a call
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
