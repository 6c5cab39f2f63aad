import { LatencyHistogram } from "../../core/latency_histogram.ts";

/** Time in which a latency loses half of its weight (ms). */
const HALF_LIFE_MS = 2_000;
/** Fewer latencies make no estimate. */
const LEAST = 20;
const MEDIAN = 0.5;

/**
 * The median of the latencies of the last seconds. They fade with time, not only with new ones: an
 * estimate that prevents calls must not outlive the calls that it was made of.
 */
export class RecentLatencies {
  readonly #histogram = new LatencyHistogram(LEAST);
  #fadedAt = 0;

  /**
   * Adds a latency.
   * @param now the current time (ms, monotonic)
   */
  add(ms: number, now: number): void {
    this.#fade(now);
    this.#histogram.add(ms);
  }

  /**
   * The median (ms); undefined while there are too few latencies.
   * @param now the current time (ms, monotonic)
   */
  median(now: number): number | undefined {
    this.#fade(now);
    return this.#histogram.quantile(MEDIAN);
  }

  #fade(now: number): void {
    const times = Math.floor((now - this.#fadedAt) / HALF_LIFE_MS);
    if (times === 0) return;
    this.#fadedAt += times * HALF_LIFE_MS;
    this.#histogram.fade(times);
  }
}
