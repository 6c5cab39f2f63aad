import type { Random } from "../../core/clock.ts";

/** What the choice depends on; each figure is as of a time on the monotonic clock (ms). */
export interface Candidate {
  /** Calls that wait for a response. */
  readonly inFlight: number;
  /** Its share of the calls, relative to the others'. */
  weightAt(now: number): number;
  /** Its latency (ms); 0 if unknown. */
  latencyAt(now: number): number;
  /** The share of its recent calls that failed, from 0 to 1. */
  failureRateAt(now: number): number;
}

/** How much cheaper the second candidate must be to be taken instead of the first. */
const MARGIN = 1.25;
/** The share of failures below which a target counts as one that does not fail. */
const NEGLIGIBLE = 0.01;

/**
 * Chooses by the power of two choices: one candidate is drawn by weight, then another, which is taken
 * if it is clearly cheaper. So equal targets get calls by their weights, a slow or busy one gets few,
 * and callers that choose at the same time do not all choose the same one.
 * The cost is latency × (calls in flight ÷ relative weight + 1) ÷ (success rate)³. A target whose
 * calls fail is never cheaper for being fast: its latency counts as that of the other one, or more.
 * @returns undefined only without candidates
 */
export function chooseTarget<Of extends Candidate>(
  candidates: readonly Of[],
  now: number,
  random: Random,
): Of | undefined {
  const { length } = candidates;
  if (length < 2) return candidates[0];
  let total = 0;
  for (const candidate of candidates) total += candidate.weightAt(now);
  const first = draw(candidates, undefined, total, now, random);
  if (first === undefined) return undefined;
  const second = draw(candidates, first, total - first.weightAt(now), now, random) ?? first;
  return isCheaper(second, first, total / length, now) ? second : first;
}

/** Draws a candidate other than `without`, by weight. */
function draw<Of extends Candidate>(
  candidates: readonly Of[],
  without: Of | undefined,
  total: number,
  now: number,
  random: Random,
): Of | undefined {
  let left = random() * total;
  let last: Of | undefined;
  for (const candidate of candidates) {
    if (candidate === without) continue;
    last = candidate;
    left -= candidate.weightAt(now);
    if (left < 0) break;
  }
  return last;
}

function isCheaper(a: Candidate, b: Candidate, meanWeight: number, now: number): boolean {
  const costA = costOf(a, b, meanWeight, now);
  const costB = costOf(b, a, meanWeight, now);
  return costA * MARGIN < costB;
}

/** The cost of a candidate compared with another one. */
function costOf(candidate: Candidate, other: Candidate, meanWeight: number, now: number): number {
  const share = candidate.weightAt(now) / meanWeight;
  const failureRate = candidate.failureRateAt(now);
  const latency = candidate.latencyAt(now);
  const otherLatency = other.latencyAt(now);
  const load = candidate.inFlight / share + 1;
  const areKnown = latency > 0 && otherLatency > 0;
  if (failureRate < NEGLIGIBLE) return load * (areKnown ? latency : 1);
  return load * (areKnown ? Math.max(latency, otherLatency) : 1) / (1 - failureRate) ** 3;
}
