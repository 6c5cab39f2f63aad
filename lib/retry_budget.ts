import type { Clock } from "./clock.ts";

/** How many calls may be made again. */
export interface RetryBudgetOptions {
  /** The share of all calls, from 0 to 1. */
  readonly share: number;
  /** How many in a second in any case. */
  readonly minPerSecond: number;
  readonly clock: Clock;
}

/** What happened within a tenth of a second. */
interface Slot {
  /** Which one, since the clock's beginning. */
  readonly number: number;
  calls: number;
  retries: number;
  /** How many of the retries only the minimum allowed. */
  spared: number;
}

const SLOT_MS = 100;
/** How far back calls count: a second. */
const WINDOW_SLOTS = 10;

/**
 * Keeps retries from multiplying an outage: of the last second, they are no more than a share of the
 * upstream's calls, or than `minPerSecond` beside that. So an upstream that fails for w seconds gets
 * at most `share * calls + minPerSecond * (w + 1)` retries, if its calls do not become fewer.
 */
export class RetryBudget {
  readonly #share: number;
  readonly #minPerSecond: number;
  readonly #clock: Clock;
  /** The last slots in which something happened, oldest first. */
  readonly #slots: Slot[] = [];
  #calls = 0;
  #retries = 0;
  #spared = 0;

  constructor({ share, minPerSecond, clock }: RetryBudgetOptions) {
    this.#share = share;
    this.#minPerSecond = minPerSecond;
    this.#clock = clock;
  }

  /** Counts a call. */
  deposit(): void {
    this.#slot().calls++;
    this.#calls++;
  }

  /** Whether a call may be made again; it is counted then. */
  withdraw(): boolean {
    const slot = this.#slot();
    if (this.#retries + 1 > this.#share * this.#calls) {
      if (this.#spared >= this.#minPerSecond) return false;
      slot.spared++;
      this.#spared++;
    }
    slot.retries++;
    this.#retries++;
    return true;
  }

  /** The slot of this moment; what is too long ago no longer counts. */
  #slot(): Slot {
    const number = Math.floor(this.#clock.monotonic() / SLOT_MS);
    const current = this.#slots.at(-1);
    if (current?.number === number) return current;
    for (let oldest = this.#slots[0]; oldest; oldest = this.#slots[0]) {
      if (oldest.number > number - WINDOW_SLOTS) break;
      this.#calls -= oldest.calls;
      this.#retries -= oldest.retries;
      this.#spared -= oldest.spared;
      this.#slots.shift();
    }
    const slot = { number, calls: 0, retries: 0, spared: 0 };
    this.#slots.push(slot);
    return slot;
  }
}
