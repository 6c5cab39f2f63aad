/** Demand is measured over this window (ms). */
const WINDOW_MS = 1_000;
/** Demand that lasts this long is steady, not a burst (ms). */
const STEADY_MS = 250;
/** After this long without requests, demand starts anew (ms). */
const QUIET_MS = 500;

/** The demand for tokens: those requested in this window, and a share of the one before. */
export class Demand {
  #window = -Infinity;
  #tokens = 0;
  #tokensBefore = 0;
  #since = -Infinity;
  #lastAt = -Infinity;

  /** Counts tokens requested at a moment (monotonic ms). */
  add(tokens: number, now: number): void {
    this.#turn(now);
    if (now - this.#lastAt >= QUIET_MS) this.#since = now;
    this.#lastAt = now;
    this.#tokens += tokens;
  }

  /** Tokens requested in the last second. @param now monotonic ms; an earlier one counts as the last */
  tokens(now: number): number {
    this.#turn(now);
    const past = Math.max(0, now / WINDOW_MS - this.#window);
    return this.#tokens + this.#tokensBefore * (1 - past);
  }

  /** Tokens requested per millisecond. @param now monotonic ms; an earlier one counts as the last */
  perMs(now: number): number {
    return this.tokens(now) / Math.min(WINDOW_MS, Math.max(STEADY_MS, now - this.#since));
  }

  /** Whether the demand has lasted longer than a burst. */
  isSteady(now: number): boolean {
    return now - this.#since >= STEADY_MS && now - this.#lastAt < QUIET_MS;
  }

  #turn(now: number): void {
    const window = Math.floor(now / WINDOW_MS);
    if (window <= this.#window) return;
    this.#tokensBefore = window === this.#window + 1 ? this.#tokens : 0;
    this.#tokens = 0;
    this.#window = window;
  }
}
