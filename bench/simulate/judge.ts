import { IdealBucket } from "./ideal_bucket.ts";
import type { Scenario } from "./scenario.ts";
import type { Answered, Run } from "./simulate.ts";

/** How well a limiter did. */
export interface Verdict {
  readonly requests: number;
  readonly admitted: number;
  readonly denied: number;
  /** Refused because the store could not be asked. */
  readonly unavailable: number;
  /** What one ideal bucket for each client would have admitted of the same requests. */
  readonly ideal: number;
  /** Most tokens that a client got in any window above burst + rate x (window + skew). */
  readonly excess: number;
  /** Refused while an ideal bucket, after all that was let out until then, had a token. */
  readonly needless: number;
  readonly commits: number;
  readonly conflicts: number;
  readonly reads: number;
  /** How long half of the requests waited at most for a decision (ms). */
  readonly p50: number;
  /** How long 99 of 100 requests waited at most for a decision (ms). */
  readonly p99: number;
  /** The largest part of its own requests that a process admitted, to the smallest. */
  readonly mostToLeast: number;
  /** Jain's index of these parts: 1 when all are equal, 1 / processes when one has everything. */
  readonly jain: number;
}

/** Holds what came of a scenario against ideal buckets. */
export function judge({ skewMs }: Scenario, run: Run): Verdict {
  const { answers, commits, conflicts, reads } = run;
  const ofClients = [...Map.groupBy(answers, ({ client }) => client).values()];
  const waits = Float64Array.from(answers, ({ at, settledAt }) => settledAt - at).sort();
  const count = (outcome: Answered["outcome"]) =>
    answers.filter((answer) => answer.outcome === outcome).length;
  let [ideal, excess, needless] = [0, 0, 0];
  for (const ofClient of ofClients) {
    const decided = ofClient.toSorted((a, b) => a.decidedAt - b.decidedAt);
    ideal += idealOf(ofClient, run);
    excess = Math.max(excess, excessOf(decided, run, skewMs));
    needless += needlessOf(decided, run);
  }
  return {
    requests: answers.length,
    admitted: count("admitted"),
    denied: count("denied"),
    unavailable: count("unavailable"),
    ideal,
    excess,
    needless,
    commits,
    conflicts,
    reads,
    p50: quantile(waits, 0.5),
    p99: quantile(waits, 0.99),
    ...fairness(answers),
  };
}

function idealOf(arrived: readonly Answered[], { limit: { shape } }: Run): number {
  const bucket = new IdealBucket(shape.capacity, shape.perMs);
  let admitted = 0;
  for (const { at } of arrived) {
    if (bucket.unitsAt(at) < shape.perToken) continue;
    bucket.take(shape.perToken, at);
    admitted++;
  }
  return admitted;
}

/**
 * Windows need not be tried one by one: none has let out too much exactly if an ideal bucket, larger
 * by what comes in while clocks differ, is never overdrawn; and it is overdrawn by as much.
 */
function excessOf(decided: readonly Answered[], { limit: { shape } }: Run, skewMs: number): number {
  const bucket = new IdealBucket(shape.capacity + shape.perMs * skewMs, shape.perMs);
  let overdrawn = 0;
  for (const { outcome, decidedAt } of decided) {
    if (outcome !== "admitted") continue;
    overdrawn = Math.max(overdrawn, -bucket.take(shape.perToken, decidedAt));
  }
  return overdrawn / shape.perToken;
}

function needlessOf(decided: readonly Answered[], { limit: { shape } }: Run): number {
  const bucket = new IdealBucket(shape.capacity, shape.perMs);
  let needless = 0;
  for (const { outcome, decidedAt } of decided) {
    if (outcome === "admitted") bucket.take(shape.perToken, decidedAt);
    else if (bucket.unitsAt(decidedAt) >= shape.perToken) needless++;
  }
  return needless;
}

function fairness(answers: readonly Answered[]): Pick<Verdict, "mostToLeast" | "jain"> {
  const parts = [...Map.groupBy(answers, ({ process }) => process).values()].map((asked) =>
    asked.filter(({ outcome }) => outcome === "admitted").length / asked.length
  );
  const sum = parts.reduce((total, part) => total + part, 0);
  const squares = parts.reduce((total, part) => total + part ** 2, 0);
  if (squares === 0) return { mostToLeast: 1, jain: 1 };
  return {
    mostToLeast: Math.max(...parts) / Math.min(...parts),
    jain: sum ** 2 / (parts.length * squares),
  };
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
