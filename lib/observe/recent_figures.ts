import { DurationCounts } from "./duration_counts.ts";
import { type Latencies, latenciesOf } from "./latencies.ts";

/** How something did in the last half minute to minute. */
export interface Figures extends Latencies {
  readonly count: number;
  readonly failed: number;
  /** Over how long it was counted (s). */
  readonly seconds: number;
}

/** Counts cover the current window and the one before (ms). */
const WINDOW_MS = 30_000;

/** Counts what happens to something: a route, a part, an upstream. Bounded in memory, without a timer. */
export class RecentFigures {
  #window = -1;
  #now = new Counts();
  #before = new Counts();

  /** Counts something that ended. @param now monotonic (ms) */
  add(now: number, durationMs: number, isFailed: boolean): void {
    this.#turn(now);
    this.#now.add(durationMs, isFailed);
  }

  /** The figures at a time. @param now monotonic (ms) */
  at(now: number): Figures {
    this.#turn(now);
    const sum = new DurationCounts();
    sum.addAll(this.#before.durations);
    sum.addAll(this.#now.durations);
    return {
      count: this.#now.count + this.#before.count,
      failed: this.#now.failed + this.#before.failed,
      seconds: (WINDOW_MS + now - this.#window * WINDOW_MS) / 1_000,
      ...latenciesOf(sum),
    };
  }

  #turn(now: number): void {
    const window = Math.floor(now / WINDOW_MS);
    if (window <= this.#window) return;
    [this.#now, this.#before] = [this.#before, this.#now];
    this.#now.clear();
    if (window > this.#window + 1) this.#before.clear();
    this.#window = window;
  }
}

/** The counts of one window. */
class Counts {
  count = 0;
  failed = 0;
  readonly durations = new DurationCounts();

  add(durationMs: number, isFailed: boolean): void {
    this.count++;
    if (isFailed) this.failed++;
    this.durations.add(durationMs);
  }

  clear(): void {
    this.count = this.failed = 0;
    this.durations.clear();
  }
}
