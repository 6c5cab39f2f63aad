import { Body } from "./body.ts";
import type { Bytes } from "./bytes.ts";
import type { Clock } from "./clock.ts";
import { listOf } from "./json_bytes.ts";
import { GatewayError, type PartFailure } from "./errors.ts";
import { settle } from "./settle.ts";
import type { Call, Context, Reply, Source } from "./source.ts";

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
  readonly clock: Clock;
}

/**
 * Asks for each item, and answers with one list in the items' order. An item that failed is null
 * there, and is told in the reply's `failures`.
 * @throws {GatewayError} when it is strict, the error of the first item that failed
 */
export async function each(options: EachOptions, ctx: Context): Promise<Reply> {
  const { part, source, items, question, concurrency, isStrict, clock } = options;
  const places = Map.groupBy(items.keys(), (index) => JSON.stringify(items[index]));
  const parts = places.entries().map(([name, [first = 0]]) => ({
    name,
    source,
    call: () => question(items[first]),
  }));
  const values: (Bytes | undefined)[] = Array.from(items, () => undefined);
  const failures: PartFailure[] = [];
  const madeOf: Reply[] = [];
  let cancelled: GatewayError | undefined;
  const outcomes = settle(parts, ctx, {
    clock,
    concurrency,
    isDecided: ({ error }) => isStrict && error !== undefined,
  });
  for await (const { part: item, reply, error } of outcomes) {
    if (error?.kind === "cancelled") {
      cancelled = error;
      continue;
    }
    const value = await reply?.body.bytes(Infinity);
    if (reply) madeOf.push(reply);
    for (const index of places.get(item) ?? []) {
      if (error) failures.push({ part, index, error });
      else values[index] = value;
    }
  }
  const [failure] = failures;
  if (isStrict && failure) throw failureOf(failure, failures);
  if (cancelled) throw cancelled;
  return {
    status: 200,
    headers: new Headers({ "content-type": "application/json" }),
    body: Body.of(listOf(values)),
    madeOf,
    ...(failure ? { failures: failures.toSorted(byIndex) } : {}),
  };
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
