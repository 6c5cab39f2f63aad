import { IdealBucket } from "./ideal_bucket.ts";
import type { Scenario } from "./scenario.ts";
import type { DecidedRequest, Run } from "./simulate.ts";

/** How closely a limiter matched an ideal one. */
export interface Score {
  readonly requests: number;
  readonly admitted: number;
  readonly denied: number;
  /** Denied because the store was unavailable. */
  readonly unavailable: number;
  /** How many of the same requests one ideal bucket per client would have admitted. */
  readonly ideal: number;
  /** The most tokens that a client got in any window beyond burst + rate x (window + skew). */
  readonly excess: number;
  /** Denied although an ideal bucket had a token besides those of all admitted requests. */
  readonly needless: number;
  /** Denied while an ideal bucket had a token, which may have gone to a later request. */
  readonly early: number;
  /** Decided at once, without the store. */
  readonly atHand: number;
  readonly commits: number;
  readonly conflicts: number;
  readonly reads: number;
  /** Median time until a decision (ms). */
  readonly p50: number;
  /** 99th percentile of the time until a decision (ms). */
  readonly p99: number;
  /** The same for the admitted requests of the busiest client (ms). */
  readonly busyP99: number;
  /** Each process's share of admitted requests: the ratio of the largest to the smallest. */
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
 * Returns how much the worst window admitted too much, without trying every window: it is as much as
 * an ideal bucket, larger by the refill of the clock skew, is overdrawn.
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
 * Counts needless denials, each token once: a second bucket also admits what was denied needlessly,
 * and the count goes down when that token is missing for a request admitted later. Exact if tokens
 * are refilled whole.
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
