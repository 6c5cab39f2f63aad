/** What one turn may do, in bytes of parsed JSON: about 10 ms. */
const TURN_BYTES = 1024 * 1024;

/** A piece of work that waits for its turn. */
interface Waiter {
  readonly bytes: number;
  readonly resolve: () => void;
}

/**
 * Divides long work into turns, between which the event loop reads and answers other requests.
 *
 * Promises alone do not yield: a thousand responses that are there at once are parsed in one go.
 * And a timer yields where `setImmediate` does not: in Deno connections progress only while the
 * loop waits, which it does for a timer. Work that fits into a turn takes no promise.
 */
export class Turns {
  #left = TURN_BYTES;
  #waiting: Waiter[] = [];

  /** How many pieces of work wait for a turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Takes a piece of work into the current turn; a promise for the next one when it is used up.
   * @param bytes how much work it is: that of parsing so many bytes of JSON, 10 ns each
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
