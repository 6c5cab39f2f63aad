import * as v from "valibot";
import { value } from "./facts.ts";
import { object } from "./object.ts";
import { type Duration, parseDuration } from "./units.ts";
import { readAs, share } from "./values.ts";

/** A percentile of an upstream's latencies. */
type Percentile = `p${number}`;

const hedgeAfter = value(
  "duration or percentile",
  {
    type: "string",
    pattern: "^(p[5-9]\\d|\\d+(\\.\\d+)?(ms|s|m|h))$",
    not: { pattern: "^[0.]+[a-z]" },
  },
  readAs<Duration | Percentile, { readonly ms: number } | { readonly quantile: number }>(
    "must be a duration such as 80ms, or a percentile from p50 to p99",
    (text) => {
      const [, percent] = /^p([5-9]\d)$/.exec(String(text)) ?? [];
      if (typeof text === "string" && percent) return { quantile: Number(percent) / 100 };
      const ms = parseDuration(text);
      return ms === undefined ? undefined : { ms };
    },
  ),
);

export const hedgeSchema = object({
  /**
   * How long a call may take before a second one is made: a duration, or a percentile of the upstream's
   * recent latencies.
   */
  after: v.optional(hedgeAfter, "p95"),
  /** Maximum second calls as a share of the upstream's calls, from 0 to 1. */
  share: v.optional(share, 0.05),
});

/** @internal */
export type HedgeKeys = v.InferInput<typeof hedgeSchema>;
/** Hedging: a second call when the first is slow; the first good reply counts. */
export type HedgeConfig = HedgeKeys;
