import type { DurationCounts } from "./duration_counts.ts";

/** Latencies that half, 95 % and 99 % of the requests do not exceed (ms); null without any request. */
export interface Latencies {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** Returns the latencies of what was counted. */
export function latenciesOf(counts: DurationCounts): Latencies {
  const [p50 = null, p95 = null, p99 = null] = counts.quantiles([0.5, 0.95, 0.99]);
  return { p50, p95, p99 };
}
