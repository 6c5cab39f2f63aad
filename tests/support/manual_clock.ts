import { turns } from "../../lib/async/turns.ts";
import type { Clock } from "../../lib/core/clock.ts";

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** A clock that a test moves by hand. */
export class ManualClock implements Clock {
  #now = 0;
  #wallAtZero: number;
  readonly #sleepers = new Set<Sleeper>();

  /** @param wallAtZero what the wall clock shows at the beginning (ms since 1970) */
  constructor(wallAtZero = Date.UTC(2026, 0, 1)) {
    this.#wallAtZero = wallAtZero;
  }

  wall(): number {
    return this.#wallAtZero + this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  /** How many sleep now: a timer that nobody stopped is one of them. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const sleeper = { at: this.#now + Math.max(0, ms), wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", () => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason);
      }, { once: true });
    });
  }

  /** Moves on by `ms`, waking every sleeper at its own time, and lets what they cause happen. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    while (true) {
      const next = [...this.#sleepers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#now = Math.max(this.#now, next.at);
      this.#sleepers.delete(next);
      next.wake();
      await settled();
    }
    // Another may have moved it further meanwhile.
    this.#now = Math.max(this.#now, end);
  }
}

/** Resolves when all promises that can settle without time or I/O have, whose turn is to come too. */
export async function settled(): Promise<void> {
  do {
    if (turns.waiting > 0) await new Promise<void>((resolve) => setTimeout(resolve, 0));
    await new Promise<void>((resolve) => setImmediate(resolve));
  } while (turns.waiting > 0);
}
