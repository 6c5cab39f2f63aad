import { IdealBucket } from "./ideal_bucket.ts";
import type { Scenario } from "./scenario.ts";
import type { DecidedRequest, Run } from "./simulate.ts";

/** How well a limiter did. */
export interface Score {
  readonly requests: number;
  readonly admitted: number;
  readonly denied: number;
  /** Denied because the store was unavailable. */
  readonly unavailable: number;
  /** What one ideal bucket for each client would have admitted of the same requests. */
  readonly ideal: number;
  /** Most tokens that a client got in any window above burst + rate x (window + skew). */
  readonly excess: number;
  /** Denied, though an ideal bucket had a token besides all that was admitted. */
  readonly needless: number;
  /** Denied while an ideal bucket had a token, which may have gone to a later request. */
  readonly early: number;
  /** Decided at once, without the store. */
  readonly atHand: number;
  readonly commits: number;
  readonly conflicts: number;
  readonly reads: number;
  /** How long half of the requests waited at most for a decision (ms). */
  readonly p50: number;
  /** How long 99 of 100 requests waited at most for a decision (ms). */
  readonly p99: number;
  /** How long 99 of 100 requests of the busiest client waited that were admitted (ms). */
  readonly busyP99: number;
  /** The largest part of its own requests that a process admitted, to the smallest. */
  readonly mostToLeast: number;
}

/** Scores a run against ideal buckets. */
export function judge({ skewMs }: Scenario, run: Run): Score {
  const { requests, commits, conflicts, reads } = run;
  const ofClients = [...Map.groupBy(requests, ({ client }) => client).values()];
  const waits = waitsOf(requests);
  const [busiest = []] = ofClients.toSorted((a, b) => b.length - a.length);
  const count = (outcome: DecidedRequest["outcome"]) =>
    requests.filter((request) => request.outcome === outcome).length;
  let [ideal, excess, needless, early] = [0, 0, 0, 0];
  for (const ofClient of ofClients) {
    const decided = ofClient.toSorted((a, b) => a.decidedAt - b.decidedAt);
    ideal += idealOf(ofClient, run);
    excess = Math.max(excess, excessOf(decided, run, skewMs));
    needless += needlessOf(decided, run);
    early += earlyOf(decided, run);
  }
  return {
    requests: requests.length,
    admitted: count("admitted"),
    denied: count("denied"),
    unavailable: count("unavailable"),
    ideal,
    excess,
    needless,
    early,
    atHand: requests.filter(({ isAtHand }) => isAtHand).length,
    commits,
    conflicts,
    reads,
    p50: quantile(waits, 0.5),
    p99: quantile(waits, 0.99),
    busyP99: quantile(waitsOf(busiest.filter(({ outcome }) => outcome === "admitted")), 0.99),
    mostToLeast: mostToLeast(requests),
  };
}

function idealOf(arrived: readonly DecidedRequest[], { limit: { shape } }: Run): number {
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
function excessOf(
  decided: readonly DecidedRequest[],
  { limit: { shape } }: Run,
  skewMs: number,
): number {
  const bucket = new IdealBucket(shape.capacity + shape.perMs * skewMs, shape.perMs);
  let overdrawn = 0;
  for (const { outcome, decidedAt } of decided) {
    if (outcome !== "admitted") continue;
    overdrawn = Math.max(overdrawn, -bucket.take(shape.perToken, decidedAt));
  }
  return overdrawn / shape.perToken;
}

/**
 * Each token is counted once: what a refused request might have had is let out in thought, and is
 * taken back when it is missing for one that was admitted later. Exact where tokens come in whole.
 */
function needlessOf(decided: readonly DecidedRequest[], { limit: { shape } }: Run): number {
  const { capacity, perMs, perToken } = shape;
  const real = new IdealBucket(capacity, perMs);
  const thought = new IdealBucket(capacity, perMs);
  let needless = 0;
  for (const { outcome, decidedAt } of decided) {
    const isAdmitted = outcome === "admitted";
    if (isAdmitted) real.take(perToken, decidedAt);
    const isThere = thought.unitsAt(decidedAt) >= perToken;
    if (isThere) thought.take(perToken, decidedAt);
    if (isThere && !isAdmitted) needless++;
    if (!isThere && isAdmitted) needless--;
    thought.take(Math.max(0, thought.unitsAt(decidedAt) - real.unitsAt(decidedAt)), decidedAt);
  }
  return Math.max(0, needless);
}

function earlyOf(decided: readonly DecidedRequest[], { limit: { shape } }: Run): number {
  const bucket = new IdealBucket(shape.capacity, shape.perMs);
  let early = 0;
  for (const { outcome, decidedAt } of decided) {
    if (outcome === "admitted") bucket.take(shape.perToken, decidedAt);
    else if (bucket.unitsAt(decidedAt) >= shape.perToken) early++;
  }
  return early;
}

function mostToLeast(requests: readonly DecidedRequest[]): number {
  const parts = [...Map.groupBy(requests, ({ process }) => process).values()].map((own) =>
    own.filter(({ outcome }) => outcome === "admitted").length / own.length
  );
  const most = Math.max(...parts);
  return most === 0 ? 1 : most / Math.min(...parts);
}

function waitsOf(requests: readonly DecidedRequest[]): Float64Array {
  return Float64Array.from(requests, ({ at, settledAt }) => settledAt - at).sort();
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
