import type { Clock } from "../../core/clock.ts";

/** The size of a retry budget. */
export interface RetryBudgetOptions {
  /** Maximum retries as a share of all calls, from 0 to 1. */
  readonly share: number;
  /** Retries per second that are allowed in any case. */
  readonly minPerSecond: number;
  readonly clock: Clock;
}

/** The counts of a tenth of a second. */
interface Slot {
  /** Its number, counted from the clock's zero. */
  readonly number: number;
  calls: number;
  requiredCalls: number;
  retries: number;
}

const SLOT_MS = 100;
/** The window in which calls and retries count: one second. */
const WINDOW_SLOTS = 10;

/** What part of the budget optional calls leave to required ones. */
const RESERVE = 0.5;

/** The window of the minimum, which is exact to the millisecond. */
const MINIMUM_MS = 1_000;

/**
 * Limits an upstream's retries to a share of its calls.
 *
 * A fixed number of attempts multiplies load exactly when an upstream is failing: with three attempts
 * an outage triples the calls to it, and keeps it down. A share bounds the added load instead,
 * however many calls fail. A share alone would forbid retries at low traffic, where they do no harm,
 * so `minPerSecond` are allowed besides. Calls and retries count for one second.
 *
 * Half of what required calls bring in, and of the minimum, is reserved for them: an optional part that
 * fails must not use up the retries of a required one on the same upstream. While there are no required
 * calls nothing is reserved.
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
  #requiredCalls = 0;
  #retries = 0;
  /** The times of the last retries that only the minimum allowed, oldest first (ms, monotonic). */
  readonly #minimumTakenAt: number[] = [];

  constructor({ share, minPerSecond, clock }: RetryBudgetOptions) {
    this.#share = share;
    this.#minPerSecond = minPerSecond;
    this.#clock = clock;
  }

  /** Counts a call. */
  deposit(isOptional = false): void {
    const slot = this.#slot(this.#clock.monotonic());
    slot.calls++;
    this.#calls++;
    if (isOptional) return;
    slot.requiredCalls++;
    this.#requiredCalls++;
  }

  /**
   * Takes a retry from the budget; false when none is left.
   * @param now the current time (ms, monotonic), which `giveBack` needs
   * @param isOptional whether it is for an optional part, which leaves the reserve to others
   */
  withdraw(now: number = this.#clock.monotonic(), isOptional = false): boolean {
    const slot = this.#slot(now);
    const reserved = isOptional ? RESERVE * this.#requiredCalls : 0;
    const isShared = this.#retries + 1 <= this.#share * (this.#calls - reserved);
    if (!isShared && !this.#takeMinimum(now, reserved > 0)) return false;
    slot.retries++;
    this.#retries++;
    return true;
  }

  /**
   * Returns a retry that was not made after all. One that has left the window is ignored, so that it
   * does not return another call's retry.
   * @param withdrawnAt the time that was passed to `withdraw` (ms, monotonic)
   */
  giveBack(withdrawnAt: number): void {
    const number = slotNumber(withdrawnAt);
    const slot = this.#slots.find((slot) => slot.number === number);
    if (slot) {
      slot.retries--;
      this.#retries--;
    }
    const index = this.#minimumTakenAt.lastIndexOf(withdrawnAt);
    if (index >= 0) this.#minimumTakenAt.splice(index, 1);
  }

  /** How many retries are left for required calls (now: ms, monotonic). */
  leftAt(now: number): number {
    this.#slot(now);
    this.#dropMinimum(now);
    const shared = Math.floor(this.#share * this.#calls - this.#retries);
    return Math.max(0, shared) + Math.max(0, this.#minPerSecond - this.#minimumTakenAt.length);
  }

  /** Takes a retry from the minimum, if one is left. */
  #takeMinimum(now: number, isReserved: boolean): boolean {
    this.#dropMinimum(now);
    const most = isReserved ? Math.ceil(this.#minPerSecond * RESERVE) : this.#minPerSecond;
    if (this.#minimumTakenAt.length >= most) return false;
    this.#minimumTakenAt.push(now);
    return true;
  }

  /** Drops the retries of the minimum that have left its window. */
  #dropMinimum(now: number): void {
    for (
      let oldest = this.#minimumTakenAt[0];
      oldest !== undefined;
      oldest = this.#minimumTakenAt[0]
    ) {
      if (oldest > now - MINIMUM_MS) break;
      this.#minimumTakenAt.shift();
    }
  }

  /** The current slot; drops those that have left the window. */
  #slot(now: number): Slot {
    const number = slotNumber(now);
    const current = this.#slots.at(-1);
    if (current?.number === number) return current;
    for (let oldest = this.#slots[0]; oldest; oldest = this.#slots[0]) {
      if (oldest.number > number - WINDOW_SLOTS) break;
      this.#calls -= oldest.calls;
      this.#requiredCalls -= oldest.requiredCalls;
      this.#retries -= oldest.retries;
      this.#slots.shift();
    }
    const slot = { number, calls: 0, requiredCalls: 0, retries: 0 };
    this.#slots.push(slot);
    return slot;
  }
}

function slotNumber(moment: number): number {
  return Math.floor(moment / SLOT_MS);
}
