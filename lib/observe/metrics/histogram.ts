import { BOUNDS } from "./metric_table.ts";

/** A value with the trace in which it was observed. */
export interface Exemplar {
  readonly traceId: string;
  /** The value (s). */
  readonly value: number;
  /** When (ms since 1970). */
  readonly time: number;
}

/** A histogram of durations: counts by {@linkcode BOUNDS}, and their sum. */
export class Histogram {
  readonly #record: ((seconds: number) => void) | undefined;
  /** How many values are at most each bound and above the one before; the last: above all. */
  readonly counts = new Float64Array(BOUNDS.length + 1);
  /** The sum of all values (s). */
  sum = 0;
  /** The last exemplar of each bucket; undefined before the first. */
  exemplars: (Exemplar | undefined)[] | undefined;

  /** @param record called with each value, to record it elsewhere, too */
  constructor(record?: (seconds: number) => void) {
    this.#record = record;
  }

  /** Counts a duration (ms). */
  observe(ms: number): void {
    const seconds = ms / 1000;
    const place = bucketOf(seconds);
    this.counts[place] = (this.counts[place] ?? 0) + 1;
    this.sum += seconds;
    this.#record?.(seconds);
  }

  /** Counts a duration (ms), and keeps the trace that it belongs to. */
  observeWithTrace(ms: number, traceId: string, time: number): void {
    this.observe(ms);
    const value = ms / 1000;
    this.exemplars ??= Array.from(this.counts, () => undefined);
    this.exemplars[bucketOf(value)] = { traceId, value, time };
  }
}

/** The index of the first bound that a value does not exceed. */
function bucketOf(seconds: number): number {
  let place = 0;
  // Most values are small: the first bounds decide.
  for (const bound of BOUNDS) {
    if (seconds <= bound) break;
    place++;
  }
  return place;
}
