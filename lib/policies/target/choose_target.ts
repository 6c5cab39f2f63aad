import type { Random } from "../../core/clock.ts";

/** What the choice depends on; each figure is as of a time on the monotonic clock (ms). */
export interface Candidate {
  /** Calls that wait for a response. */
  readonly inFlight: number;
  /** Its share of the calls, relative to the others'. */
  weightAt(now: number): number;
  /** Its latency (ms); 0 if unknown. */
  latencyAt(now: number): number;
  /** The factor by which failures make it more expensive: 1 or more. */
  penaltyAt(now: number): number;
}

/** How much cheaper the second candidate must be to be taken instead of the first. */
const MARGIN = 1.25;

/**
 * Chooses by the power of two choices: one candidate is drawn by weight, then another, which is taken
 * if it is clearly cheaper. So equal targets get calls by their weights, a slow or busy one gets few,
 * and callers that choose at the same time do not all choose the same one.
 * The cost is latency × (calls in flight ÷ relative weight + 1) × penalty.
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
  const [latencyA, latencyB] = [a.latencyAt(now), b.latencyAt(now)];
  const areKnown = latencyA > 0 && latencyB > 0;
  const costA = loadOf(a, meanWeight, now) * (areKnown ? latencyA : 1);
  const costB = loadOf(b, meanWeight, now) * (areKnown ? latencyB : 1);
  return costA * MARGIN < costB;
}

function loadOf(candidate: Candidate, meanWeight: number, now: number): number {
  const share = candidate.weightAt(now) / meanWeight;
  return (candidate.inFlight / share + 1) * candidate.penaltyAt(now);
}
