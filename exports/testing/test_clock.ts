import { turns } from "../../lib/async/turns.ts";
import { type Duration, parseDuration } from "../../lib/config/units.ts";
import type { Clock } from "../../lib/core/clock.ts";

/** How many turns of the event loop what has been set off may take to settle without time. */
const TURNS = 8;

/** One who sleeps. */
interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/**
 * A clock that a test moves by hand: nothing of a gateway that uses it happens by time alone. It starts
 * on 1 January 2026, 00:00 UTC.
 *
 * @example
 * ```ts
 * import { TestClock } from "sluice/testing";
 *
 * const clock = new TestClock();
 * const slept = clock.sleep("1h");
 * await clock.advance("1h"); // at once
 * await slept;
 * ```
 */
export class TestClock implements Clock {
  #now = 0;
  readonly #wallAtZero: number;
  readonly #sleepers = new Set<Sleeper>();
  readonly #awaited = new Set<Promise<unknown>>();

  /**
   * Stops at that moment.
   * @param startsAt what the wall clock shows at first (ms since 1970)
   */
  constructor(startsAt: number = Date.UTC(2026, 0, 1)) {
    this.#wallAtZero = startsAt;
  }

  /** What the wall clock shows (ms since 1970). */
  wall(): number {
    return this.#wallAtZero + this.#now;
  }

  /** How far the clock was moved (ms). */
  monotonic(): number {
    return this.#now;
  }

  /**
   * Resolves once the clock was moved that far, or rejects when the signal aborts.
   * @param time ms, or `"250ms"`
   */
  sleep(time: number | Duration, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const at = this.#now + milliseconds(time);
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      const sleeper = {
        at,
        wake: () => {
          signal?.removeEventListener("abort", leave);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }

  /**
   * Moves the clock on. Whatever is due on the way happens in its order, and each time all that follows
   * from it, as far as it needs no time and no network.
   * @param time ms, or `"2s"`; 0 only lets happen what needs no time
   */
  async advance(time: number | Duration): Promise<void> {
    const end = this.#now + milliseconds(time);
    await this.#settle();
    while (true) {
      const due = [...this.#sleepers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#now = Math.max(this.#now, due.at);
      this.#sleepers.delete(due);
      due.wake();
      await this.#settle();
    }
    // Another may have moved it further meanwhile.
    this.#now = Math.max(this.#now, end);
  }

  /** @internal Makes `advance` wait for something that needs no time of this clock, such as an opening. */
  waitFor(opening: Promise<unknown>): void {
    this.#awaited.add(opening);
    const remove = () => this.#awaited.delete(opening);
    opening.then(remove, remove);
  }

  async #settle(): Promise<void> {
    await Promise.allSettled(this.#awaited);
    for (let turn = 0; turn < TURNS || turns.waiting > 0; turn++) {
      await nextTurn();
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function milliseconds(time: number | Duration): number {
  const ms = typeof time === "number" ? time : parseDuration(time);
  if (ms === undefined) {
    throw new TypeError(`must be a duration such as 250ms or 2s; got "${time}"`);
  }
  return ms;
}
