/** The size of a semaphore. */
export interface SemaphoreOptions {
  /** Number of slots; at least 1. */
  readonly max: number;
  /** Maximum waiters; 0 for none. */
  readonly queue: number;
}

/** A waiter in the queue, a doubly linked list. */
interface Waiter {
  readonly start: () => void;
  before: Waiter | undefined;
  after: Waiter | undefined;
}

/**
 * A semaphore with a bounded, fair wait queue: first come, first served. A released slot goes
 * straight to the first waiter, so a newcomer cannot overtake it.
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

  /** How many slots are in use. */
  get running(): number {
    return this.#running;
  }

  /** How many callers wait for a slot. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Acquires a slot. True when one is free; false when the queue is full too; otherwise a promise
   * that resolves once the slot is acquired. It rejects with the signal's reason when that aborts
   * first; the place in the queue is then free again.
   */
  acquire(signal: AbortSignal): boolean | Promise<void> {
    if (this.#running < this.#max) {
      this.#running++;
      return true;
    }
    if (signal.aborted) return Promise.reject(signal.reason);
    return this.#waiting < this.#queue && this.#wait(signal);
  }

  /** Releases a slot. To be called exactly once for each slot acquired. */
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

  /** In constant time, wherever in the queue the waiter is. */
  #remove({ before, after }: Waiter): void {
    if (before) before.after = after;
    else this.#first = after;
    if (after) after.before = before;
    else this.#last = before;
    this.#waiting--;
  }
}
