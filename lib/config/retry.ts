import * as v from "valibot";
import { list, object } from "./object.ts";
import { partMethod } from "./part_method.ts";
import { count, duration, share, wholeNumber } from "./values.ts";

export const retrySchema = object({
  /** Maximum attempts, the first included. */
  attempts: v.optional(count, 3),
  /**
   * Maximum random delay before the second attempt; it doubles with each further attempt.
   */
  backoff: v.optional(duration, "50ms"),
  /** Maximum that the delay grows to; a `Retry-After` may exceed it. */
  maxBackoff: v.optional(duration, "1s"),
  /** Methods that are retried; add others only if their calls are idempotent. Calls of a part with `safe`
   * are retried as those with GET. */
  methods: v.optional(list(partMethod, "must be a list of methods"), ["GET", "HEAD", "QUERY"]),
  /** Retry budget: caps the share of calls that are retries, so that retries do not multiply an outage. */
  budget: v.optional(
    object({
      /** Maximum retries as a share of the upstream's calls, from 0 to 1. */
      share: v.optional(share, 0.2),
      /** Retries per second that are allowed whatever the share. */
      minPerSecond: v.optional(wholeNumber, 3),
    }),
    {},
  ),
});

/** @internal */
export type RetryKeys = v.InferInput<typeof retrySchema>;
/** Retry policy for transient failures: upstream unreachable, too slow, 429 or 5xx. */
export type RetryConfig = RetryKeys;

const NO_RETRIES = v.parse(retrySchema, { attempts: 1 });

/** Converts a retry policy's config to settings. */
export function retrySettings(read: v.InferOutput<typeof retrySchema> = NO_RETRIES) {
  const { attempts, backoff, maxBackoff, methods, budget } = read;
  return {
    attempts,
    backoffMs: backoff,
    maxBackoffMs: maxBackoff,
    methods: new Set<string>(methods),
    budget,
  };
}
