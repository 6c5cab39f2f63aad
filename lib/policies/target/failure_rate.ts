/** The effect of one call on the rate. */
const STEP = 0.2;
/** Time in which the rate decays to a third (1/e) without calls (ms). */
const DECAY_MS = 10_000;

/** The share of recent calls that failed, which is forgotten with time. */
export class FailureRate {
  #rate = 0;
  #at = -Infinity;

  /** The rate at a time (monotonic, ms), from 0 to 1. */
  at(now: number): number {
    return this.#rate === 0 ? 0 : this.#rate * Math.exp(-Math.max(0, now - this.#at) / DECAY_MS);
  }

  /** Adds the outcome of a call. */
  add(isFailure: boolean, now: number): void {
    const rate = this.at(now);
    this.#rate = rate + STEP * ((isFailure ? 1 : 0) - rate);
    this.#at = now;
  }
}
