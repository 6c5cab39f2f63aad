/** How many messages a client may send. */
export interface MessageLimit {
  /** Time that each message stands for (ms). */
  readonly intervalMs: number;
  /** Maximum messages at once after a quiet time. */
  readonly burst: number;
}

/** Counts the messages of one connection: one number, whatever the rate (GCRA). */
export class MessageRate {
  readonly #limit: MessageLimit;
  /** Until when the messages so far stand for the time (ms). */
  #usedUntil = -Infinity;

  constructor(limit: MessageLimit) {
    this.#limit = limit;
  }

  /** Counts a message; false if it is one too many. @param now on the monotonic clock (ms) */
  take(now: number): boolean {
    const { intervalMs, burst } = this.#limit;
    this.#usedUntil = Math.max(this.#usedUntil, now) + intervalMs;
    return this.#usedUntil - now <= burst * intervalMs + intervalMs / 1e6;
  }
}
