import * as v from "valibot";
import { isRecord } from "../core/is_record.ts";
import { choice } from "./facts.ts";
import { object } from "./object.ts";
import { concurrency, concurrencyNumber, count, wholeNumber } from "./values.ts";

const rangeObject = object({
  /** The limit never falls below this. */
  min: v.optional(count, 4),
  /** The limit never exceeds this. */
  max: v.optional(count, 200),
});

const range = choice(
  v.pipe(
    rangeObject,
    v.check(({ min, max }) => min <= max, "must have a min that is not above its max"),
  ),
  rangeObject,
);

const ONE_RULE = "must have exactly one of max and adaptive";

const limitObject = object({
  /** Maximum concurrent calls. */
  max: v.optional(count),
  /** A maximum that follows the upstream's latency, instead of `max`. */
  adaptive: v.optional(range),
  /** Maximum calls that queue; further calls are rejected. Default: twice `max`; 100 if it is `adaptive`. */
  queue: v.optional(wholeNumber),
}, { oneOf: [{ required: ["max"] }, { required: ["adaptive"] }] });

const limitChecked = v.pipe(
  limitObject,
  v.check(({ max, adaptive }) => (max === undefined) !== (adaptive === undefined), ONE_RULE),
);

/** A fixed limit, or one that adapts to latency. */
export const upstreamConcurrency = choice(
  v.lazy((input) => isRecord(input) ? limitChecked : concurrency),
  concurrencyNumber,
  limitObject,
);

/** The limit of concurrent calls to an upstream. */
export interface ConcurrencySettings {
  /** The limit; where it adapts, the limit to begin with. `Infinity` for none. */
  readonly max: number;
  /** How many calls may queue. */
  readonly queue: number;
  /** The range in which the limit adapts; undefined if it is fixed. */
  readonly adaptive?: { readonly min: number; readonly max: number } | undefined;
}

/** How many calls may queue for each concurrent call, and for an adaptive limit. */
const QUEUE_PER_CALL = 2;
const ADAPTIVE_QUEUE = 100;
/** Where an adaptive limit begins. */
const FIRST_LIMIT = 10;

/** Converts a limit's config to settings. */
export function concurrencySettings(
  read: v.InferOutput<typeof upstreamConcurrency> | undefined,
): ConcurrencySettings {
  const { queue } = read ?? {};
  if (read && "adaptive" in read && read.adaptive) {
    const { adaptive } = read;
    const max = Math.min(adaptive.max, Math.max(adaptive.min, FIRST_LIMIT));
    return { max, queue: queue ?? ADAPTIVE_QUEUE, adaptive };
  }
  if (read?.max === undefined) return { max: Infinity, queue: 0 };
  return { max: read.max, queue: queue ?? read.max * QUEUE_PER_CALL };
}
