/** From so many responses on, a run is long. */
const LONG = 100;

/**
 * How many responses in a row could not be stored.
 *
 * Why: what one process stored serves the others, so a miss in memory reads the store. Where
 * responses are private these reads find nothing, and cost more than the rest of the cache. After a
 * long run, requests look in memory alone, until a response can be stored or the origin fails. What
 * that can cost: each run lets only the requests miss a stored response that are in flight when the
 * first response that can be stored arrives, after a hundred that could not.
 */
export class UnstorableRun {
  #length = 0;

  /** Whether the store is not worth reading. */
  get isLong(): boolean {
    return this.#length >= LONG;
  }

  /** Counts a response that could not be stored. */
  add(): void {
    this.#length++;
  }

  /** Ends the run: a response could be stored, or the origin failed and a stored one is wanted. */
  end(): void {
    this.#length = 0;
  }
}
