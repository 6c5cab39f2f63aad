/** From so many responses on, a run is long. */
const LONG = 100;

/**
 * How many responses in a row could not be stored.
 *
 * Why: what one process stored serves the others, so a miss in memory reads the store, and requests
 * for the same wait for one response. Where responses are private, the reads find nothing and nothing
 * can be shared, and both cost more than the rest of the cache. After a long run, requests look in
 * memory alone and are forwarded at once, until a response can be stored or the origin fails. What
 * that can cost: each run lets only the requests miss a stored response, or forwards them beside
 * others for the same, that are in flight when the first response that can be stored arrives, after a
 * hundred that could not.
 */
export class UnstorableRun {
  #length = 0;

  /** Whether the store is not worth reading, nor another request's response worth waiting for. */
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
