import { Semaphore } from "./semaphore.ts";

/**
 * How many requests begin in a turn. Measured with 2,000 connections: with 8 to 32, a fan-out of 3 has
 * about as many requests per second as with 64 connections; without a limit, half of them.
 */
const PER_TURN = 24;

/**
 * Limits how many requests begin in a turn of the event loop; the others queue, first come, first
 * served.
 *
 * A server that begins all that arrives works on thousands of requests at once when it has thousands
 * of busy connections. Each holds memory and upstream connections while it waits for the CPU, and
 * responses of upstreams stay unread until their calls time out. A limit on requests in flight would
 * prevent that, but also hold back requests that merely wait for a slow upstream. Turns distinguish
 * the two: one takes a millisecond while the CPU is idle, so thousands of requests per second begin;
 * it takes longer when responses have arrived, which are then processed first.
 *
 * A place belongs to its turn, not to its request. So a stream, a batch or a request that waits for
 * another one cannot hold it, and the queue always moves on.
 *
 * Disposing it stops its timer, once no request queues.
 */
export class Admission implements Disposable {
  readonly #places: Semaphore;
  #turn = 0;
  #next: ReturnType<typeof setTimeout> | undefined;

  /** @param perTurn how many requests begin in a turn; at least 1 */
  constructor(perTurn = PER_TURN) {
    this.#places = new Semaphore({ max: perTurn, queue: Infinity });
  }

  /** Identifies the current turn. */
  get turn(): number {
    return this.#turn;
  }

  /** How many requests queue. */
  get waiting(): number {
    return this.#places.waiting;
  }

  /**
   * Takes a place in the current turn. Undefined if one is free; otherwise a promise that resolves in
   * the turn that has one. It rejects with the signal's reason when that aborts first.
   */
  enter(signal: AbortSignal): Promise<unknown> | undefined {
    const place = this.#places.acquire(signal);
    if (this.#next === undefined) this.#scheduleNext();
    return place instanceof Promise ? place : undefined;
  }

  /**
   * Returns a request's place, if the turn in which it began is still the current one: a request that
   * waits for nothing, such as a cache hit, leaves the turn as it found it.
   */
  leave(turn: number): void {
    if (turn === this.#turn) this.#places.release();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#next);
  }

  #scheduleNext(): void {
    // Only a timer lets the event loop process its connections first: see Turns.
    this.#next = setTimeout(() => this.#begin(), 0);
  }

  /** Hands each place to the first request in the queue; what is left over is free. */
  #begin(): void {
    this.#next = undefined;
    this.#turn++;
    for (let taken = this.#places.running; taken > 0; taken--) this.#places.release();
    if (this.#places.running > 0) this.#scheduleNext();
  }
}
