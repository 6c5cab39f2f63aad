import type { Clock } from "../core/clock.ts";
import { TimerQueue } from "../core/timer_queue.ts";

/**
 * The graceful shutdown, as requests see it. It brings their deadlines forward, so that every client
 * gets a partial response before the process ends.
 */
export class Shutdown {
  readonly #clock: Clock;
  readonly #timers: [queue: TimerQueue, lateMs: number][] = [];
  readonly #cutOff: (() => number)[] = [];
  readonly #onBegin: (() => void)[] = [];
  #isBegun = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the shutdown has begun. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  /**
   * Creates a queue of deadlines of `ms` milliseconds each, which fire early at shutdown.
   * @param lateMs how much later than others, for a batch that waits for its requests
   */
  timers(ms: number, lateMs: number): TimerQueue {
    const queue = new TimerQueue(ms, this.#clock, true);
    this.#timers.push([queue, lateMs]);
    return queue;
  }

  /** Registers what runs when the shutdown begins. */
  onBegin(run: () => void): void {
    this.#onBegin.push(run);
  }

  /** Registers what runs when the process ends. @param cutOff returns how many requests it cut off */
  onEnd(cutOff: () => number): void {
    this.#cutOff.push(cutOff);
  }

  /** Begins the shutdown. @param graceMs how long requests in flight, and later ones, may still take */
  begin(graceMs: number): void {
    this.#isBegun = true;
    const at = this.#clock.monotonic() + graceMs;
    for (const [queue, lateMs] of this.#timers) queue.ringAllBy(at + lateMs);
    for (const run of this.#onBegin) run();
  }

  /** Cuts off and logs what is still in flight. @returns how many requests */
  end(): number {
    return this.#cutOff.reduce((count, cutOff) => count + cutOff(), 0);
  }
}
