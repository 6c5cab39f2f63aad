import type { Clock } from "../../core/clock.ts";
import { LatencyHistogram } from "../../core/latency_histogram.ts";
import { TimerQueue } from "../../core/timer_queue.ts";

/** When a call is hedged: after a fixed time, or past a quantile of the upstream's latencies. */
export type HedgeAfter = { readonly ms: number } | { readonly quantile: number };

/**
 * How long an upstream's calls may take before they are hedged. The timers share a queue, for the
 * delay changes only as the quantile moves to another bucket; timers of the queue before run on.
 */
export class HedgeDelay {
  readonly #after: HedgeAfter;
  readonly #clock: Clock;
  readonly #latencies = new LatencyHistogram();
  #ms: number | undefined;
  #timers: TimerQueue | undefined;

  constructor(after: HedgeAfter, clock: Clock) {
    this.#after = after;
    this.#clock = clock;
  }

  /** Whether the delay depends on what is observed. */
  get isObserved(): boolean {
    return "quantile" in this.#after;
  }

  /** Counts the latency of a first call, or how long it had taken when another replied (ms). */
  observe(ms: number): void {
    this.#latencies.add(ms);
  }

  /** Timers of the current delay; undefined before enough calls were observed. */
  timers(): TimerQueue | undefined {
    const ms = "ms" in this.#after
      ? this.#after.ms
      : this.#latencies.quantile(this.#after.quantile);
    if (ms !== this.#ms) {
      this.#ms = ms;
      this.#timers = ms === undefined ? undefined : new TimerQueue(ms, this.#clock);
    }
    return this.#timers;
  }
}
