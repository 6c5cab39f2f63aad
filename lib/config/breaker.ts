import * as v from "valibot";
import { value } from "./facts.ts";
import { object } from "./object.ts";
import { count, duration } from "./values.ts";

const RATE_RULE = "must be a number above 0, up to 1";
const rateOfCalls = value(
  "number",
  { type: "number", exclusiveMinimum: 0, maximum: 1 },
  v.pipe(
    v.number(RATE_RULE),
    v.check((rate) => rate > 0, RATE_RULE),
    v.maxValue(1, RATE_RULE),
  ),
);

export const breakerSchema = object({
  /** How long a call counts. */
  window: v.optional(duration, "10s"),
  /** Minimum calls within the window; with fewer the breaker does not open. */
  minCalls: v.optional(count, 20),
  /**
   * Share of failed calls at which the breaker opens, above 0 and up to 1. A call fails if the upstream is
   * unreachable, too slow, or returns 429, 5xx or an invalid response.
   */
  failureRate: v.optional(rateOfCalls, 0.5),
  /** Duration from which a call counts as slow; one that the timeout or the deadline ends always does. */
  slowAfter: v.optional(duration, "2s"),
  /** Share of slow calls at which the breaker opens, above 0 and up to 1. */
  slowRate: v.optional(rateOfCalls, 0.8),
  /** How long the breaker stays open before calls probe the upstream. */
  openFor: v.optional(duration, "10s"),
  /** Maximum concurrent probes, and how many must succeed to close the breaker. */
  probes: v.optional(count, 2),
});

/** @internal */
export type BreakerKeys = v.InferInput<typeof breakerSchema>;
/** Circuit breaker: makes no calls to an upstream that fails. `{}` has the defaults. */
export type BreakerConfig = BreakerKeys;

/** Converts a breaker's config to settings; undefined for no breaker. */
export function breakerSettings(read: v.InferOutput<typeof breakerSchema> | undefined) {
  if (read === undefined) return undefined;
  const { window, minCalls, failureRate, slowAfter, slowRate, openFor, probes } = read;
  return {
    windowMs: window,
    minCalls,
    failureRate,
    slowAfterMs: slowAfter,
    slowRate,
    openForMs: openFor,
    probes,
  };
}
