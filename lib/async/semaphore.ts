import { Dependent } from "../core/scope.ts";

/** The size of a semaphore. */
export interface SemaphoreOptions {
  /** Number of slots; at least 1. */
  readonly max: number;
  /** Maximum waiters; 0 for none. */
  readonly queue: number;
}

/** Someone who acquires a slot, such as a call's Context. */
export interface Importance {
  /** Whether others go first (default false); read whenever it matters, as it may change. */
  readonly isOptional?: boolean | undefined;
}

const REQUIRED: Importance = {};

/**
 * A semaphore with a bounded, fair wait queue: a released slot goes straight to a waiter, so a
 * newcomer cannot overtake it. Required waiters go first, then optional ones; among equals, first
 * come, first served.
 */
export class Semaphore {
  #max: number;
  /** How many callers may wait for a slot. */
  readonly queue: number;
  #running = 0;
  #waiting = 0;
  #first: Waiter | undefined;
  #last: Waiter | undefined;

  constructor({ max, queue }: SemaphoreOptions) {
    this.#max = max;
    this.queue = queue;
  }

  /** How many slots there are. */
  get max(): number {
    return this.#max;
  }

  /** How many slots are in use; more than there are for a while after they became fewer. */
  get running(): number {
    return this.#running;
  }

  /** How many callers wait for a slot. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Acquires a slot. True when one is free; false when the queue is full too; otherwise a promise of
   * true once the slot is acquired, or of false if the caller was optional and had to leave the full
   * queue for a required one: the newest goes first. It rejects with the signal's reason when that
   * aborts first; the place in the queue is then free again.
   */
  acquire(signal: AbortSignal, importance: Importance = REQUIRED): boolean | Promise<boolean> {
    if (this.#running < this.#max) {
      this.#running++;
      return true;
    }
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#waiting >= this.queue && !this.#evictFor(importance)) return false;
    return new Promise((resolve, reject) => {
      this.#append(new Waiter(signal, importance, resolve, reject, this.#leave));
    });
  }

  /** Changes the number of slots. Waiters get new ones at once; slots in use are not taken away. */
  resize(max: number): void {
    this.#max = max;
    for (let next = this.#next(); next && this.#running < max; next = this.#next()) {
      this.#running++;
      this.#settle(next, true);
    }
  }

  /** Releases a slot. To be called exactly once for each slot acquired. */
  release(): void {
    const next = this.#running > this.#max ? undefined : this.#next();
    if (next === undefined) this.#running--;
    else this.#settle(next, true);
  }

  /** The waiter whose turn it is. Only optional ones are passed over, so the first is, as a rule. */
  #next(): Waiter | undefined {
    let next = this.#first;
    while (next?.importance.isOptional) next = next.behind;
    return next ?? this.#first;
  }

  /** Makes room in the queue, if the newcomer is required and some waiter is not. */
  #evictFor({ isOptional }: Importance): boolean {
    if (isOptional) return false;
    let newest = this.#last;
    while (newest && !newest.importance.isOptional) newest = newest.ahead;
    if (newest) this.#settle(newest, false);
    return newest !== undefined;
  }

  #settle(waiter: Waiter, isAcquired: boolean): void {
    this.#remove(waiter);
    waiter.unfollow();
    waiter.resolve(isAcquired);
  }

  readonly #leave = (waiter: Waiter, reason: unknown): void => {
    this.#remove(waiter);
    waiter.reject(reason);
  };

  #append(waiter: Waiter): void {
    waiter.ahead = this.#last;
    if (this.#last) this.#last.behind = waiter;
    else this.#first = waiter;
    this.#last = waiter;
    this.#waiting++;
  }

  /** In constant time, wherever in the queue the waiter is. */
  #remove({ ahead, behind }: Waiter): void {
    if (ahead) ahead.behind = behind;
    else this.#first = behind;
    if (behind) behind.ahead = ahead;
    else this.#last = ahead;
    this.#waiting--;
  }
}

/** A waiter in the queue, a doubly linked list. */
class Waiter extends Dependent {
  ahead: Waiter | undefined;
  behind: Waiter | undefined;

  constructor(
    signal: AbortSignal,
    readonly importance: Importance,
    readonly resolve: (isAcquired: boolean) => void,
    readonly reject: (reason: unknown) => void,
    readonly leave: (waiter: Waiter, reason: unknown) => void,
  ) {
    super();
    this.follow(signal);
  }

  followedAborted(reason: unknown): void {
    this.leave(this, reason);
  }
}
