import { turns } from "../async/turns.ts";
import { Body } from "../core/body.ts";
import type { Bytes } from "../core/bytes.ts";
import { listOf } from "../json/json_bytes.ts";
import { NoRoom } from "../core/buffer_budget.ts";
import { GatewayError, type PartFailure, toGatewayError } from "../core/errors.ts";
import { Scope } from "../core/scope.ts";
import type { Call, Context, Reply, Source } from "../core/source.ts";

/** A list of items, and how each is asked for. */
export interface EachOptions {
  /** The part's name. */
  readonly part: string;
  readonly source: Source;
  /** JSON values; equal ones are asked for once. */
  readonly items: readonly unknown[];
  /** The question for an item; made just before it is asked. */
  readonly question: (item: unknown) => Call;
  /** How many are in flight at most. */
  readonly concurrency: number;
  /** Whether one item's failure fails the whole, and ends what still runs. */
  readonly isStrict: boolean;
  /** Whether somebody asks how long the replies are fresh: their headers are let go of otherwise. */
  readonly isCached: boolean;
}

const NOTHING = Body.of(new Uint8Array());

/** An item that is asked for, and where it stands in the list: at several places where it recurs. */
interface Distinct {
  readonly item: unknown;
  readonly places: number | number[];
}

/** What asking for an item costs, in bytes of parsed JSON (see Turns). */
const ITEM_WORK = 8 * 1024;
/** What an item's bytes take in the list besides themselves. */
const ITEM_BYTES = 512;
/** What reading an item's place in the list costs, in the same measure. */
const PLACE_WORK = 64;

/**
 * Asks for each item, and answers with one list in the items' order. An item that failed is null
 * there, and is told in the reply's `failures`. Nothing is made for an item before its turn comes.
 * @throws {GatewayError} when it is strict, the error of the first item that failed
 */
export async function each(options: EachOptions, ctx: Context): Promise<Reply> {
  return await new Run(options, ctx).reply();
}

/** One list being asked for. */
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
    const next = distinct.values();
    const askers = Math.min(this.#options.concurrency, distinct.length);
    await Promise.all(Array.from({ length: askers }, () => this.#askAll(next)));
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

  /** Asks for one item after the other, as long as there are any. */
  async #askAll(next: IterableIterator<Distinct>): Promise<void> {
    const { signal } = this.#scope;
    // What a reply takes is counted until its bytes are in the list.
    const buffers = this.#buffers?.open();
    const ctx = { ...this.#ctx, buffers };
    for (const distinct of next) {
      const turn = turns.take(signal.aborted ? PLACE_WORK : ITEM_WORK);
      if (turn) await turn;
      if (this.#isOver) return;
      if (signal.aborted) this.#fail(distinct, toGatewayError(signal.reason));
      else await this.#ask(distinct, ctx);
      buffers?.clear();
    }
  }

  async #ask(distinct: Distinct, ctx: Context): Promise<void> {
    const { source, question, isCached } = this.#options;
    try {
      const reply = await source(question(distinct.item), ctx);
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

/** The items without their repetitions, in the order of their first places. */
async function distinctOf(items: readonly unknown[]): Promise<Distinct[]> {
  const byName = new Map<string, { item: unknown; places: number | number[] }>();
  for (const [index, item] of items.entries()) {
    const turn = turns.take(PLACE_WORK);
    if (turn) await turn;
    const name = JSON.stringify(item);
    const known = byName.get(name);
    if (known === undefined) byName.set(name, { item, places: index });
    else if (typeof known.places === "number") known.places = [known.places, index];
    else known.places.push(index);
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
