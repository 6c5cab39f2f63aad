import type { Clock } from "../../core/clock.ts";

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
}

const SLOT_MS = 100;
/** How far back calls count: a second. */
const WINDOW_SLOTS = 10;

/** How far back what the minimum allowed counts: to the millisecond. */
const MINIMUM_MS = 1_000;

/**
 * Keeps retries from multiplying an outage: of the last second, they are no more than a share of the
 * upstream's calls, or than `minPerSecond` beside that.
 *
 * So in any w seconds, retries that are not given back are at most
 * `share * (calls in them and in the second before) + minPerSecond * (w + 1)`.
 */
export class RetryBudget {
  readonly #share: number;
  readonly #minPerSecond: number;
  readonly #clock: Clock;
  /** The last slots in which something happened, oldest first. */
  readonly #slots: Slot[] = [];
  #calls = 0;
  #retries = 0;
  /** When the last retries were that only the minimum allowed, oldest first (ms, monotonic). */
  readonly #sparedAt: number[] = [];

  constructor({ share, minPerSecond, clock }: RetryBudgetOptions) {
    this.#share = share;
    this.#minPerSecond = minPerSecond;
    this.#clock = clock;
  }

  /** Counts a call. */
  deposit(): void {
    this.#slot(this.#clock.monotonic()).calls++;
    this.#calls++;
  }

  /**
   * Whether a call may be made again; it is counted then.
   * @param now this moment (ms, monotonic), for who will have to tell it to `giveBack`
   */
  withdraw(now: number = this.#clock.monotonic()): boolean {
    const slot = this.#slot(now);
    if (this.#retries + 1 > this.#share * this.#calls && !this.#spare(now)) return false;
    slot.retries++;
    this.#retries++;
    return true;
  }

  /**
   * Uncounts a retry that was not made after all. One that no longer counts changes nothing, so that
   * nobody else's is uncounted in its place.
   * @param withdrawnAt the moment that `withdraw` was told (ms, monotonic)
   */
  giveBack(withdrawnAt: number): void {
    const number = slotNumber(withdrawnAt);
    const slot = this.#slots.find((slot) => slot.number === number);
    if (slot) {
      slot.retries--;
      this.#retries--;
    }
    const spared = this.#sparedAt.lastIndexOf(withdrawnAt);
    if (spared >= 0) this.#sparedAt.splice(spared, 1);
  }

  /** Takes one of the minimum, if one is left. */
  #spare(now: number): boolean {
    for (let oldest = this.#sparedAt[0]; oldest !== undefined; oldest = this.#sparedAt[0]) {
      if (oldest > now - MINIMUM_MS) break;
      this.#sparedAt.shift();
    }
    if (this.#sparedAt.length >= this.#minPerSecond) return false;
    this.#sparedAt.push(now);
    return true;
  }

  /** The slot of this moment; what is too long ago no longer counts. */
  #slot(now: number): Slot {
    const number = slotNumber(now);
    const current = this.#slots.at(-1);
    if (current?.number === number) return current;
    for (let oldest = this.#slots[0]; oldest; oldest = this.#slots[0]) {
      if (oldest.number > number - WINDOW_SLOTS) break;
      this.#calls -= oldest.calls;
      this.#retries -= oldest.retries;
      this.#slots.shift();
    }
    const slot = { number, calls: 0, retries: 0 };
    this.#slots.push(slot);
    return slot;
  }
}

function slotNumber(moment: number): number {
  return Math.floor(moment / SLOT_MS);
}
