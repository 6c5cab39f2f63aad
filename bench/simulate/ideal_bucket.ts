/**
 * An ideal bucket, against which a limiter is judged: one for all processes, exact, without latency.
 * It does not use the limiter's arithmetic, so that both cannot have the same fault. It may be
 * overdrawn: by as much as a limiter admitted too much.
 */
export class IdealBucket {
  readonly #capacity: number;
  readonly #perMs: number;
  #units: number;
  #at = 0;

  /** @param perMs units that are added per millisecond */
  constructor(capacity: number, perMs: number) {
    this.#capacity = capacity;
    this.#perMs = perMs;
    this.#units = capacity;
  }

  /** The level at a moment; time is counted in whole milliseconds, as wall clocks show it. */
  unitsAt(moment: number): number {
    const at = Math.floor(moment);
    this.#units = Math.min(this.#capacity, this.#units + (at - this.#at) * this.#perMs);
    this.#at = at;
    return this.#units;
  }

  /** Takes tokens, even below zero; returns what is left. */
  take(units: number, moment: number): number {
    return this.#units = this.unitsAt(moment) - units;
  }
}
