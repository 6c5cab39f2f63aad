/** How far back demand is looked at (ms). */
const WINDOW_MS = 1_000;

/** How many tokens are asked for: what came in this window, and a share of the one before. */
export class Demand {
  #window = -Infinity;
  #tokens = 0;
  #tokensBefore = 0;

  /** Counts tokens that were asked for at that moment (monotonic ms). */
  add(tokens: number, now: number): void {
    this.#turn(now);
    this.#tokens += tokens;
  }

  /** Tokens asked for in a millisecond, at that moment (monotonic ms) or at the last one counted. */
  perMs(now: number): number {
    this.#turn(now);
    const past = Math.max(0, now / WINDOW_MS - this.#window);
    return (this.#tokens + this.#tokensBefore * (1 - past)) / WINDOW_MS;
  }

  #turn(now: number): void {
    const window = Math.floor(now / WINDOW_MS);
    if (window <= this.#window) return;
    this.#tokensBefore = window === this.#window + 1 ? this.#tokens : 0;
    this.#tokens = 0;
    this.#window = window;
  }
}
