/** How far back demand is looked at (ms). */
const WINDOW_MS = 1_000;
/** What goes on for so long is no burst (ms). */
const STEADY_MS = 250;
/** After so long with nothing it begins anew (ms). */
const QUIET_MS = 500;

/** How many tokens are asked for: what came in this window, and a share of the one before. */
export class Demand {
  #window = -Infinity;
  #tokens = 0;
  #tokensBefore = 0;
  #since = -Infinity;
  #lastAt = -Infinity;

  /** Counts tokens that were asked for at that moment (monotonic ms). */
  add(tokens: number, now: number): void {
    this.#turn(now);
    if (now - this.#lastAt >= QUIET_MS) this.#since = now;
    this.#lastAt = now;
    this.#tokens += tokens;
  }

  /** Tokens asked for in the last second, at that moment (monotonic ms) or at the last one counted. */
  tokens(now: number): number {
    this.#turn(now);
    const past = Math.max(0, now / WINDOW_MS - this.#window);
    return this.#tokens + this.#tokensBefore * (1 - past);
  }

  /** Tokens asked for in a millisecond, at that moment (monotonic ms) or at the last one counted. */
  perMs(now: number): number {
    return this.tokens(now) / Math.min(WINDOW_MS, Math.max(STEADY_MS, now - this.#since));
  }

  /** Whether they have been asked for longer than a burst takes. */
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
