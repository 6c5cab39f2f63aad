/** Work per turn, in bytes of parsed JSON: about 10 ms. */
const TURN_BYTES = 1024 * 1024;

/** A piece of work that waits for the next turn. */
interface Waiter {
  readonly bytes: number;
  readonly resolve: () => void;
}

/**
 * Divides long work into turns, between which the event loop serves other requests.
 *
 * Promises alone do not yield: a thousand responses that arrive together are parsed in one go, and
 * every other client waits for all of it. A timer yields where `setImmediate` does not: in Deno,
 * connections progress only while the loop waits, as it does for a timer. Work that fits into the
 * current turn takes no promise, so that a small request pays nothing.
 */
export class Turns {
  #left = TURN_BYTES;
  #waiting: Waiter[] = [];

  /** How many pieces of work wait for the next turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Charges a piece of work to the current turn. Undefined when it may start now; a promise for the
   * next turn when this one is used up.
   * @param bytes the amount of work, as the bytes of JSON that take as long to parse (10 ns each)
   */
  take(bytes: number): Promise<void> | undefined {
    if (this.#left > 0 && this.#waiting.length === 0) {
      this.#left -= bytes;
      return undefined;
    }
    return new Promise((resolve) => {
      this.#waiting.push({ bytes, resolve });
      if (this.#waiting.length === 1) this.#scheduleNext();
    });
  }

  #scheduleNext(): void {
    setTimeout(() => this.#next(), 0);
  }

  #next(): void {
    this.#left = TURN_BYTES;
    let count = 0;
    for (const { bytes, resolve } of this.#waiting) {
      if (this.#left <= 0) break;
      this.#left -= bytes;
      count++;
      resolve();
    }
    this.#waiting.splice(0, count);
    if (this.#waiting.length > 0) this.#scheduleNext();
  }
}

/** The turns of this thread's event loop. */
export const turns: Turns = new Turns();
