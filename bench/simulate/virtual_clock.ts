import type { Clock } from "../../lib/core/clock.ts";

interface Timer {
  readonly at: number;
  /** Timers that are due together fire in the order in which they were set. */
  readonly order: number;
  /** Undefined once cancelled: it then leaves the heap when its time comes. */
  ring: (() => void) | undefined;
}

/**
 * A clock that jumps from one timer to the next, so that an hour takes only as long as its events.
 * All promises that a timer causes are settled before the next one fires.
 */
export class VirtualClock implements Clock {
  readonly #wallAtZero: number;
  readonly #timers: Timer[] = [];
  #now = 0;
  #orders = 0;

  /** @param wallAtZero the wall clock at the beginning (ms since 1970) */
  constructor(wallAtZero = Date.UTC(2026, 0, 1)) {
    this.#wallAtZero = wallAtZero;
  }

  /** In whole milliseconds, as on a real machine. */
  wall(): number {
    return this.#wallAtZero + Math.floor(this.#now);
  }

  monotonic(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const timer = this.#set(this.#now + Math.max(0, ms), resolve);
      signal?.addEventListener("abort", () => {
        timer.ring = undefined;
        reject(signal.reason);
      }, { once: true });
    });
  }

  /** Schedules a callback (monotonic ms). */
  at(moment: number, action: () => void): void {
    this.#set(Math.max(this.#now, moment), action);
  }

  /**
   * Advances time.
   * @param isOver whether to stop; checked before each timer
   * @returns whether it stopped because of `isOver`, not because no timer was left
   */
  async runUntil(isOver: () => boolean): Promise<boolean> {
    await settled();
    while (!isOver()) {
      const timer = this.#pop();
      if (!timer) return false;
      if (!timer.ring) continue;
      this.#now = timer.at;
      timer.ring();
      await settled();
    }
    return true;
  }

  #set(at: number, ring: () => void): Timer {
    const timer: Timer = { at, order: this.#orders++, ring };
    const timers = this.#timers;
    let place = timers.length;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = timers[above];
      if (!parent || isSooner(parent, timer)) break;
      timers[place] = parent;
      place = above;
    }
    timers[place] = timer;
    return timer;
  }

  #pop(): Timer | undefined {
    const timers = this.#timers;
    const first = timers[0];
    const last = timers.pop();
    if (!last || last === first) return first;
    let place = 0;
    while (true) {
      const left = timers[2 * place + 1];
      const right = timers[2 * place + 2];
      const child = left && right && isSooner(right, left) ? right : left;
      if (!child || isSooner(last, child)) break;
      timers[place] = child;
      place = 2 * place + (child === left ? 1 : 2);
    }
    timers[place] = last;
    return first;
  }
}

function isSooner(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Resolves when all promises that need neither time nor I/O have settled. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
