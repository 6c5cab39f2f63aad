/** How many unused hedges are saved up at most. */
const MOST = 10;
/** How many of them are kept for urgent calls. */
const RESERVED = 5;

/**
 * Limits an upstream's hedges to a share of its calls: each call adds its share of a hedge, and each
 * hedge takes a whole one. So hedges are at most `share` of all calls, over any time, and at most ten
 * at once after a quiet time.
 *
 * A hedge saves time only if its call is the one that the response waits for. Half of what can be
 * saved up is therefore reserved for urgent calls: the last of their request, and required.
 */
export class HedgeBudget {
  readonly #share: number;
  #saved = 0;

  /** @param share maximum hedges as a share of all calls, from 0 to 1 */
  constructor(share: number) {
    this.#share = share;
  }

  /** How many hedges are left; an urgent call may take the last five of ten. */
  get left(): number {
    return Math.floor(this.#saved);
  }

  /** Counts a call. */
  deposit(): void {
    this.#saved = Math.min(MOST, this.#saved + this.#share);
  }

  /**
   * Takes a hedge; false when none is left.
   * @param isUrgent whether its request waits for this call alone
   */
  withdraw(isUrgent: boolean): boolean {
    if (this.#saved < (isUrgent ? 1 : 1 + RESERVED)) return false;
    this.#saved--;
    return true;
  }

  /** Returns a hedge that was not made after all. */
  giveBack(): void {
    this.#saved = Math.min(MOST, this.#saved + 1);
  }
}
