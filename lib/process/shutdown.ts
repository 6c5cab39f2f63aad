import type { Clock } from "../core/clock.ts";
import { TimerQueue } from "../core/timer_queue.ts";

/**
 * What requests in flight have to know of the gateway's stop. Their deadlines are pulled forward,
 * so that whoever waits gets what is there before the process ends.
 */
export class Shutdown {
  readonly #clock: Clock;
  readonly #timers: [queue: TimerQueue, lateMs: number][] = [];
  readonly #cutOff: (() => number)[] = [];
  #isBegun = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the gateway has been told to stop. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  /**
   * Timers that run `ms` milliseconds each, for deadlines; they ring early when the gateway stops.
   * @param lateMs how much later than others, for what waits for the answers of others
   */
  timers(ms: number, lateMs: number): TimerQueue {
    const queue = new TimerQueue(ms, this.#clock);
    this.#timers.push([queue, lateMs]);
    return queue;
  }

  /** @param cutOff called when the process ends; returns how many requests are still in flight */
  onEnd(cutOff: () => number): void {
    this.#cutOff.push(cutOff);
  }

  /** @param answerMs how long requests in flight still have, and those that come yet */
  begin(answerMs: number): void {
    this.#isBegun = true;
    const at = this.#clock.monotonic() + answerMs;
    for (const [queue, lateMs] of this.#timers) queue.ringAllBy(at + lateMs);
  }

  /** Tells of what is still in flight, which ends here; returns how many requests that are. */
  end(): number {
    return this.#cutOff.reduce((count, cutOff) => count + cutOff(), 0);
  }
}
