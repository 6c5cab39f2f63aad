import type { Turn } from "./measure.ts";

/** The turns of one contestant in one table. */
export interface Row extends Turn {
  readonly contestant: string;
  /** Its CPU to the baseline's, round by round; undefined without the baseline. */
  readonly cpuRatio?: number;
  /** Memory before its first request. */
  readonly idleMb: number;
  /** The smallest and the largest CPU of a turn (µs). */
  readonly spread: readonly [number, number];
}

/** One workload at one number of connections. */
export interface Table {
  readonly workload: string;
  readonly does: string;
  readonly connections: number;
  readonly baseline: string;
  readonly rows: readonly Row[];
}

/** A row from the turns of a contestant and of the baseline, in the same order. */
export function summarize(
  contestant: string,
  idleMb: number,
  turns: readonly Turn[],
  baseline: readonly Turn[] | undefined,
): Row {
  const of = (read: (turn: Turn) => number) => median(turns.map(read));
  const cpu = turns.map(({ cpuMicros }) => cpuMicros);
  const shares = turns.flatMap(({ otherShare }) => otherShare ?? []);
  return {
    contestant,
    idleMb,
    perSecond: of(({ perSecond }) => perSecond),
    cpuMicros: of(({ cpuMicros }) => cpuMicros),
    ...(baseline && { cpuRatio: ratio(cpu, baseline.map(({ cpuMicros }) => cpuMicros)) }),
    p50Ms: of(({ p50Ms }) => p50Ms),
    p99Ms: of(({ p99Ms }) => p99Ms),
    rssMb: Math.max(...turns.map(({ rssMb }) => rssMb)),
    wrong: turns.reduce((sum, { wrong }) => sum + wrong, 0),
    spread: [Math.min(...cpu), Math.max(...cpu)],
    ...(shares.length > 0 && { otherShare: median(shares) }),
  };
}

/** The median of ratios round by round, so that a slow moment of the machine counts on both sides. */
export function ratio(values: readonly number[], baseline: readonly number[]): number {
  return median(values.map((value, round) => value / (baseline[round] ?? NaN)));
}

/** The middle value, or the mean of the two in the middle; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = NaN, high = NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}
