import type { Semaphore } from "../../async/semaphore.ts";
import type { Clock } from "../../core/clock.ts";
import { type LimitRange, type LimitState, nextLimit } from "./next_limit.ts";

/** What an adaptive limit works on. */
export interface AdaptiveLimitOptions extends LimitRange {
  /** The upstream's slots, whose number it adapts; it starts with those that there are. */
  readonly semaphore: Semaphore;
  readonly clock: Clock;
}

/** A window lasts for this long at least (ms), and has this many calls at least. */
const WINDOW_MS = 1_000;
const WINDOW_CALLS = 20;
/** No call counts for more than this multiple of the usual latency: one outlier is no overload. */
const MOST_OF_USUAL = 10;
/** The limit is in use when this share of the calls finds it reached. */
const USED_SHARE = 0.1;

/** Adapts an upstream's concurrency limit to its latency: {@linkcode nextLimit} decides. */
export class AdaptiveLimit {
  readonly #options: AdaptiveLimitOptions;
  #state: LimitState;
  #startedAt: number;
  #calls = 0;
  #totalMs = 0;
  #limited = 0;
  #failed = 0;

  constructor(options: AdaptiveLimitOptions) {
    this.#options = options;
    this.#state = {
      limit: options.semaphore.max,
      usualMs: undefined,
      trial: undefined,
      phase: "first",
    };
    this.#startedAt = options.clock.monotonic();
  }

  /**
   * Counts a call that has ended, before it releases its slot. A failure counts only when it was slow: a
   * fast one says nothing of the latency, and must not look like a fast upstream.
   */
  sample(ms: number, isFailure: boolean): void {
    const { usualMs = Infinity } = this.#state;
    if (isFailure && ms < usualMs) return;
    const { semaphore, clock } = this.#options;
    this.#calls++;
    this.#totalMs += Math.min(ms, MOST_OF_USUAL * usualMs);
    if (isFailure) this.#failed++;
    if (semaphore.running >= semaphore.max) this.#limited++;
    if (this.#calls < WINDOW_CALLS) return;
    const now = clock.monotonic();
    if (now - this.#startedAt >= WINDOW_MS) this.#close(now);
  }

  #close(now: number): void {
    const { semaphore } = this.#options;
    this.#state = nextLimit(this.#state, {
      meanMs: this.#totalMs / this.#calls,
      isLimited: this.#limited >= this.#calls * USED_SHARE,
      isFailing: this.#failed > this.#calls / 2,
    }, this.#options);
    const max = Math.floor(this.#state.limit);
    if (max !== semaphore.max) semaphore.resize(max);
    this.#startedAt = now;
    this.#calls =
      this.#totalMs =
      this.#limited =
      this.#failed =
        0;
  }
}
