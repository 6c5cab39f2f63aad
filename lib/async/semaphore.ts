/** How much a semaphore lets in. */
export interface SemaphoreOptions {
  /** How many slots there are; at least 1. */
  readonly max: number;
  /** How many may wait for a slot; 0 for none. */
  readonly queue: number;
}

/** One that waits, between those who came before and after it. */
interface Waiter {
  readonly start: () => void;
  before: Waiter | undefined;
  after: Waiter | undefined;
}

/**
 * A number of slots, and a bounded line before them, first come first served. A slot that is given
 * back goes straight to the first in line, so nobody who comes in between is faster.
 */
export class Semaphore {
  readonly #max: number;
  readonly #queue: number;
  #running = 0;
  #waiting = 0;
  #first: Waiter | undefined;
  #last: Waiter | undefined;

  constructor({ max, queue }: SemaphoreOptions) {
    this.#max = max;
    this.#queue = queue;
  }

  /** How many slots are taken. */
  get running(): number {
    return this.#running;
  }

  /** How many stand in line. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Takes a slot: true when it is taken at once, false when the line is full too; else a promise
   * that resolves when the slot is taken. It rejects with the signal's reason when the signal
   * aborts first; the place in line is free again then.
   */
  acquire(signal: AbortSignal): boolean | Promise<void> {
    if (this.#running < this.#max) {
      this.#running++;
      return true;
    }
    if (signal.aborted) return Promise.reject(signal.reason);
    return this.#waiting < this.#queue && this.#wait(signal);
  }

  /** Gives a slot back. Whoever was given one must do so once. */
  release(): void {
    const first = this.#first;
    if (first === undefined) {
      this.#running--;
    } else {
      this.#remove(first);
      first.start();
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      this.#remove(waiter);
      reject(signal.reason);
    };
    const start = () => {
      signal.removeEventListener("abort", leave);
      resolve();
    };
    const waiter: Waiter = { start, before: this.#last, after: undefined };
    if (this.#last) this.#last.after = waiter;
    else this.#first = waiter;
    this.#last = waiter;
    this.#waiting++;
    signal.addEventListener("abort", leave, { once: true });
    return promise;
  }

  /** Linked both ways, so that leaving takes the same time wherever one stands. */
  #remove({ before, after }: Waiter): void {
    if (before) before.after = after;
    else this.#first = after;
    if (after) after.before = before;
    else this.#last = before;
    this.#waiting--;
  }
}
