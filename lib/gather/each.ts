import { turns } from "../async/turns.ts";
import { Body } from "../core/body.ts";
import type { Bytes } from "../core/bytes.ts";
import { listOf } from "../json/json_bytes.ts";
import { NoRoom } from "../core/buffer_budget.ts";
import { GatewayError, type PartFailure, toGatewayError } from "../core/errors.ts";
import { Scope } from "../core/scope.ts";
import type { Call, Context, Reply, Source } from "../core/source.ts";

/** A list of items, and how to make the call for each. */
export interface EachOptions {
  /** The part's name. */
  readonly part: string;
  readonly source: Source;
  /** JSON values; equal ones share one call. */
  readonly items: readonly unknown[];
  /** Makes an item's call, just before it is sent. */
  readonly call: (item: unknown) => Call;
  /** Whether to make an item's call; without it, the item is null (default: always). */
  readonly when?: ((item: unknown) => boolean) | undefined;
  /** Told how many calls there will be, before the first (default: nobody is). */
  readonly onStart?: ((calls: number) => void) | undefined;
  /** Maximum concurrent calls. */
  readonly concurrency: number;
  /** Whether one item's failure fails the list and cancels the remaining calls. */
  readonly isStrict: boolean;
  /** Whether the result may be cached; if not, the replies' headers are not retained. */
  readonly isCached: boolean;
}

const NOTHING = Body.of(new Uint8Array());

/** A distinct item, with its index in the list, or all of them when it recurs. */
interface Distinct {
  readonly item: unknown;
  readonly places: number | number[];
}

/** The work of one item's call, in bytes of parsed JSON (see Turns). */
const ITEM_WORK = 8 * 1024;
/** Memory per item in addition to its body (bytes). */
const ITEM_BYTES = 512;
/** The work of reading one item of the list, in the same unit. */
const PLACE_WORK = 64;

/**
 * Calls the source for each item, and replies with the list of results in the items' order. An item
 * that failed is null there and listed in the reply's `failures`. Calls are made lazily, so that a
 * long list costs no memory ahead of its turn.
 * @throws {GatewayError} if strict, the error of the first item that failed
 */
export async function each(options: EachOptions, ctx: Context): Promise<Reply> {
  return await new Run(options, ctx).reply();
}

/** One list in progress. */
class Run {
  readonly #options: EachOptions;
  readonly #ctx: Context;
  readonly #buffers: Context["buffers"];
  readonly #scope: Scope;
  readonly #values: (Bytes | undefined)[];
  readonly #failures: PartFailure[] = [];
  readonly #madeOf: Reply[] = [];
  #fatal: GatewayError | undefined;
  #isOver = false;

  constructor(options: EachOptions, ctx: Context) {
    this.#options = options;
    this.#scope = new Scope(ctx.signal);
    this.#ctx = { ...ctx, signal: this.#scope.signal };
    this.#buffers = ctx.buffers;
    this.#values = new Array(options.items.length).fill(undefined);
  }

  async reply(): Promise<Reply> {
    using _scope = this.#scope;
    const distinct = await distinctOf(this.#options.items);
    this.#options.onStart?.(distinct.length);
    const next = distinct.values();
    const workers = Math.min(this.#options.concurrency, distinct.length);
    await Promise.all(Array.from({ length: workers }, () => this.#callAll(next)));
    const [failure] = this.#failures;
    if (this.#options.isStrict && failure) throw failureOf(failure, this.#failures);
    if (this.#fatal) throw this.#fatal;
    return {
      status: 200,
      headers: new Headers({ "content-type": "application/json" }),
      body: Body.of(listOf(this.#values)),
      madeOf: this.#madeOf,
      ...(failure ? { failures: this.#failures.toSorted(byIndex) } : {}),
    };
  }

  /** A worker: makes one call after the other until no item is left. */
  async #callAll(next: IterableIterator<Distinct>): Promise<void> {
    const { signal } = this.#scope;
    // A reply's memory counts until its bytes are in the list.
    const buffers = this.#buffers?.open();
    const ctx = { ...this.#ctx, buffers };
    for (const distinct of next) {
      const turn = turns.take(signal.aborted ? PLACE_WORK : ITEM_WORK);
      if (turn) await turn;
      if (this.#isOver) break;
      if (signal.aborted) this.#fail(distinct, toGatewayError(signal.reason));
      else await this.#call(distinct, ctx);
      buffers?.clear();
    }
    // A call that this item has left, but others share, may still receive its reply.
    buffers?.close();
  }

  async #call(distinct: Distinct, ctx: Context): Promise<void> {
    const { source, call, isCached, when } = this.#options;
    try {
      if (when?.(distinct.item) === false) return;
      const reply = await source(call(distinct.item), ctx);
      const value = await reply.body.bytes(Infinity);
      this.#buffers?.take(value.length + ITEM_BYTES);
      if (this.#isOver) return;
      if (isCached || reply.cached?.isStale) this.#madeOf.push({ ...reply, body: NOTHING });
      for (const place of placesOf(distinct)) this.#values[place] = value;
    } catch (thrown) {
      this.#fail(distinct, toGatewayError(thrown));
    }
  }

  #fail(distinct: Distinct, error: GatewayError): void {
    if (this.#isOver) return;
    const { part, isStrict } = this.#options;
    if (error.kind === "cancelled" || error.cause instanceof NoRoom) {
      this.#fatal = error;
      this.#end();
      return;
    }
    for (const index of placesOf(distinct)) this.#failures.push({ part, index, error });
    if (isStrict) this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#scope.cancel(new GatewayError("cancelled", "the rest was no longer needed"));
  }
}

/** The items without duplicates, in the order of first occurrence. */
async function distinctOf(items: readonly unknown[]): Promise<Distinct[]> {
  const byName = new Map<string, { item: unknown; places: number | number[] }>();
  for (const [index, item] of items.entries()) {
    const turn = turns.take(PLACE_WORK);
    if (turn) await turn;
    const name = JSON.stringify(item);
    const entry = byName.get(name);
    if (entry === undefined) byName.set(name, { item, places: index });
    else if (typeof entry.places === "number") entry.places = [entry.places, index];
    else entry.places.push(index);
  }
  return [...byName.values()];
}

function placesOf({ places }: Distinct): readonly number[] {
  return typeof places === "number" ? [places] : places;
}

function failureOf({ index, error }: PartFailure, failures: readonly PartFailure[]): GatewayError {
  const { kind, status, headers, message } = error;
  return new GatewayError(kind, `item ${index}: ${message}`, {
    status,
    headers,
    failures: failures.toSorted(byIndex),
    cause: error.cause,
  });
}

function byIndex(a: PartFailure, b: PartFailure): number {
  return (a.index ?? 0) - (b.index ?? 0);
}
