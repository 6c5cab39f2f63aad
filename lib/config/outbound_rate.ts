import * as v from "valibot";
import { isRecord } from "../core/is_record.ts";
import { type BucketShape, bucketShape } from "../limiter/bucket.ts";
import { choice } from "./facts.ts";
import { object } from "./object.ts";
import { count, duration, rate } from "./values.ts";

const RATE_RULE =
  'must be a rate such as 50/s, or an object such as { rate: "50/s", burst: 50, wait: "1s" }';

const rateObject = object({
  /** Calls per period. */
  rate,
  /** Maximum calls at once after a quiet time. Default: the calls of one second, at least 1. */
  burst: v.optional(count),
  /** Maximum time that a call waits for its turn; it is rejected if that would take longer. */
  wait: v.optional(duration, "1s"),
  /** Maximum number of calls that wait. */
  queue: v.optional(count, 100),
});
type ReadRate = v.InferOutput<typeof rateObject>;

const rateAlone = v.pipe(
  rate,
  v.transform((rate): ReadRate => ({ rate, burst: undefined, wait: 1_000, queue: 100 })),
);

/** How many calls an upstream allows. */
export const outboundRate = choice(
  v.pipe(
    v.lazy((input) => {
      if (typeof input === "string") return rateAlone;
      return isRecord(input) ? rateObject : v.never(RATE_RULE);
    }),
    v.rawTransform<ReadRate, OutboundRateSettings>(({ dataset, addIssue, NEVER }) => {
      const { rate: { tokens, periodMs }, wait, queue } = dataset.value;
      const burst = dataset.value.burst ?? Math.max(1, Math.ceil(tokens * 1000 / periodMs));
      try {
        return { shape: bucketShape(tokens, periodMs, burst), waitMs: wait, queue };
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        addIssue({ message: "must refill within a year", input: burst });
        return NEVER;
      }
    }),
  ),
  rate,
  rateObject,
);

/** The rate limit of the gateway's own calls to an upstream. */
export interface OutboundRateSettings {
  readonly shape: BucketShape;
  /** How long a call may wait for its turn (ms). */
  readonly waitMs: number;
  /** How many calls may wait. */
  readonly queue: number;
}
