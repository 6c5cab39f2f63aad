import type { Clock } from "../core/clock.ts";
import { DEFAULTS } from "../core/defaults.ts";

/** So many calls without an answer, and nothing heard since: then the store is silent. */
const MOST = 8;
/** How long a silent store is left alone between two calls that try it (ms). */
const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 60_000;

/**
 * Keeps calls that get no answer few. Whoever gives a call of KV Connect up cannot end it: it goes on
 * being sent, four times a second, until it is answered. A gateway that asked on and on would soon
 * do little else, and meet the store, when it is back, with all of it.
 */
export class Unanswered {
  readonly #clock: Clock;
  /** When calls were begun that have no answer yet, the oldest first (monotonic ms). */
  readonly #waiting = new Set<{ readonly since: number }>();
  #restMs = FIRST_REST_MS;
  #restsUntil = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Makes a call. Any answer, also to one that was given up long ago, says that the store is back.
   * @throws at once, without calling, while the store is silent
   */
  async ask<T>(call: () => Promise<T>): Promise<T> {
    const now = this.#clock.monotonic();
    if (this.#isSilent(now)) this.#try(now);
    const waiting = { since: now };
    this.#waiting.add(waiting);
    try {
      return await call();
    } finally {
      this.#waiting.clear();
      this.#restMs = FIRST_REST_MS;
      this.#restsUntil = -Infinity;
    }
  }

  #isSilent(now: number): boolean {
    if (this.#waiting.size < MOST) return false;
    const [{ since } = { since: now }] = [...this.#waiting.values().drop(MOST - 1).take(1)];
    return now - since >= DEFAULTS.storeTimeoutMs;
  }

  /** Lets one call through now and then: the others may wait on a connection that is dead. */
  #try(now: number): void {
    if (now < this.#restsUntil) throw new Error("the store does not answer");
    this.#restsUntil = now + this.#restMs;
    this.#restMs = Math.min(2 * this.#restMs, LONGEST_REST_MS);
  }
}
