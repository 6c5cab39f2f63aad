/** Time in which an observation loses all but a third (1/e) of its effect (ms). */
const DECAY_MS = 10_000;

/**
 * An exponentially weighted moving average that rises at once to any higher observation, and decays
 * with time: a target that becomes slow is avoided after one call, and tried again when its peak has
 * decayed, even if nothing was observed meanwhile.
 */
export class PeakEwma {
  #value = 0;
  #at = -Infinity;

  /** The average at a time (monotonic, ms); 0 without observations. */
  at(now: number): number {
    return this.#value * weightOf(now - this.#at);
  }

  /** Adds an observation. */
  observe(sample: number, now: number): void {
    const weight = weightOf(now - this.#at);
    const average = this.#value * weight + sample * (1 - weight);
    this.#value = sample > this.at(now) ? sample : average;
    this.#at = now;
  }

  /** Adds an observation that is only a lower bound. */
  raise(sample: number, now: number): void {
    if (sample <= this.at(now)) return;
    this.#value = sample;
    this.#at = now;
  }
}

/** The share of its effect that an observation has after a time. */
function weightOf(ms: number): number {
  return Math.exp(-Math.max(0, ms) / DECAY_MS);
}
