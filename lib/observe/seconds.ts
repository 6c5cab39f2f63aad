import { DurationCounts } from "./duration_counts.ts";
import { type Latencies, latenciesOf } from "./latencies.ts";

/** What happened in one second. */
export interface Second extends Latencies {
  readonly requests: number;
  /** Responses with 5xx, and what was not sent whole. */
  readonly failed: number;
  /** Responses with 429. */
  readonly limited: number;
}

/** How many seconds are kept: five minutes. */
export const KEPT_SECONDS = 300;

const NOTHING: Second = { requests: 0, failed: 0, limited: 0, p50: null, p95: null, p99: null };

/** The last five minutes, second by second. Seconds are closed by what comes after, without a timer. */
export class Seconds {
  readonly #closed: ({ readonly number: number; readonly second: Second } | undefined)[] = [];
  #number = -1;
  #requests = 0;
  #failed = 0;
  #limited = 0;
  readonly #durations = new DurationCounts();

  /** Counts a request that ended. @param now monotonic (ms) */
  add(now: number, durationMs: number, isFailed: boolean, isLimited: boolean): void {
    this.#turn(now);
    this.#requests++;
    if (isFailed) this.#failed++;
    if (isLimited) this.#limited++;
    this.#durations.add(durationMs);
  }

  /** The seconds before the current one, the oldest first: always as many. */
  last(now: number): Second[] {
    this.#turn(now);
    const first = this.#number - KEPT_SECONDS;
    const seconds = new Array<Second>(KEPT_SECONDS).fill(NOTHING);
    for (const { number, second } of this.#closed.filter((closed) => closed !== undefined)) {
      if (number >= first && number < this.#number) seconds[number - first] = second;
    }
    return seconds;
  }

  #turn(now: number): void {
    const number = Math.floor(now / 1_000);
    if (number <= this.#number) return;
    if (this.#requests > 0) {
      const { p50, p95, p99 } = latenciesOf(this.#durations);
      const second = {
        requests: this.#requests,
        failed: this.#failed,
        limited: this.#limited,
        p50,
        p95,
        p99,
      };
      this.#closed[this.#number % KEPT_SECONDS] = { number: this.#number, second };
      this.#requests = this.#failed = this.#limited = 0;
      this.#durations.clear();
    }
    this.#number = number;
  }
}
