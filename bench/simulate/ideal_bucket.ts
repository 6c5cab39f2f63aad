/**
 * A bucket as it would be in an ideal world: one for all, exact and at hand. It is written down a
 * second time here, and not the limiter's, so that both are not wrong together. It may be
 * overdrawn: by how much is what a limiter let out too much.
 */
export class IdealBucket {
  readonly #capacity: number;
  readonly #perMs: number;
  #units: number;
  #at = 0;

  /** @param perMs units that come in within a millisecond */
  constructor(capacity: number, perMs: number) {
    this.#capacity = capacity;
    this.#perMs = perMs;
    this.#units = capacity;
  }

  /** What there is at that moment; time is counted in whole milliseconds, as wall clocks show it. */
  unitsAt(moment: number): number {
    const at = Math.floor(moment);
    this.#units = Math.min(this.#capacity, this.#units + (at - this.#at) * this.#perMs);
    this.#at = at;
    return this.#units;
  }

  /** Takes so many, whether they are there or not; returns what is left. */
  take(units: number, moment: number): number {
    return this.#units = this.unitsAt(moment) - units;
  }
}
