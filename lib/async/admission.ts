import { Semaphore } from "./semaphore.ts";

/**
 * How many requests begin in a turn. Measured with 2,000 connections: with 8 to 32, a fan-out of 3 has
 * about as many requests per second as with 64 connections; without a limit, half of them.
 */
const PER_TURN = 24;

/** How fast the usual length of a turn follows the measured ones. */
const SMOOTHING = 0.5;
/** Time without requests after which the event loop is idle, whatever it was before (ms). */
const IDLE_MS = 20;

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
  readonly #perTurn: number;
  readonly #places: Semaphore;
  readonly #now: () => number;
  #turn = 0;
  /** When the current turn began, or the last one ended (monotonic, ms). */
  #begunAt = -Infinity;
  /** The lengths of the last turn, and of a usual one (ms). */
  #lastMs = 0;
  #turnMs = 0;
  /** Places that requests returned in the current turn. */
  #returned = 0;
  /** How many requests a turn began last. */
  #begunPerTurn: number;
  #next: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param now the monotonic clock (ms)
   * @param perTurn how many requests begin in a turn; at least 1
   */
  constructor(now: () => number, perTurn = PER_TURN) {
    this.#now = now;
    this.#perTurn = this.#begunPerTurn = perTurn;
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
   * How long a request that arrives now waits until it begins (ms): the lag of the event loop, times
   * the turns that the queue takes. It is an estimate for a newcomer, not the age of the queue: that
   * would show an overload only when it has already delayed all who wait.
   */
  get lagMs(): number {
    const isIdle = this.#next === undefined && this.#now() - this.#begunAt > IDLE_MS;
    return isIdle ? 0 : this.#turnMs * (1 + this.waiting / this.#begunPerTurn);
  }

  /**
   * Takes a place in the current turn. Undefined if one is free; otherwise a promise that resolves in
   * the turn that has one. It rejects with the signal's reason when that aborts first.
   */
  enter(signal: AbortSignal): Promise<unknown> | undefined {
    const place = this.#places.acquire(signal);
    if (this.#next === undefined) this.#resume();
    return place instanceof Promise ? place : undefined;
  }

  /**
   * Returns a request's place, if the turn in which it began is still the current one: a request that
   * waits for nothing, such as a cache hit, leaves the turn as it found it.
   */
  leave(turn: number): void {
    if (turn !== this.#turn) return;
    this.#returned++;
    this.#places.release();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#next);
  }

  /** Begins a turn after one that was the last. */
  #resume(): void {
    const now = this.#now();
    if (now - this.#begunAt > IDLE_MS) this.#turnMs = this.#lastMs = 0;
    this.#begunAt = now;
    this.#scheduleNext();
  }

  #scheduleNext(): void {
    // Only a timer lets the event loop process its connections first: see Turns.
    this.#next = setTimeout(() => this.#begin(), 0);
  }

  /** Hands each place to the first request in the queue; what is left over is free. */
  #begin(): void {
    this.#next = undefined;
    this.#turn++;
    this.#measure();
    for (let taken = this.#places.running; taken > 0; taken--) this.#places.release();
    if (this.#places.running > 0) this.#scheduleNext();
  }

  /** Measures the turn that ends. Two turns must be long: a single pause is no load. */
  #measure(): void {
    const now = this.#now();
    const ms = now - this.#begunAt;
    this.#turnMs += (Math.min(ms, this.#lastMs) - this.#turnMs) * SMOOTHING;
    this.#lastMs = ms;
    this.#begunAt = now;
    this.#begunPerTurn = this.#perTurn + this.#returned;
    this.#returned = 0;
  }
}
