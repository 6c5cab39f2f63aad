import type { BucketLevel } from "./bucket.ts";
import { msUntil, msUntilFull, take } from "./bucket.ts";
import type { Claim, ClaimedCharge } from "./claim.ts";
import type { ChargedBucket } from "./limit.ts";
import type { BucketWrite } from "./store.ts";
import type { Instant, TrackedBucket } from "./tracked_bucket.ts";

/** What would be decided about a claim. */
export interface Verdict {
  readonly claim: Claim;
  readonly buckets: readonly ChargedBucket[];
  /** What was too much; none means that the claim is admitted. */
  readonly violated: readonly ClaimedCharge[];
  /** How long until all would be there (ms). */
  readonly waitMs: number;
  /** When it was decided; before it was written. */
  readonly at: Instant;
}

/** The decisions about some claims, and what must be written for them to hold. */
export interface Plan {
  readonly verdicts: readonly Verdict[];
  readonly writes: readonly (BucketWrite & { readonly bucket: TrackedBucket })[];
}

/**
 * Decides claims in the order given, each wholly or not at all. Pure: nothing is changed.
 * @param skewMs how much the clocks of machines may differ
 */
export function plan(claims: readonly Claim[], now: Instant, skewMs: number): Plan {
  const levels = new Map<TrackedBucket, BucketLevel>();
  const changed = new Set<TrackedBucket>();
  const admitted = new Set<Claim>();
  const levelOf = (bucket: TrackedBucket) => levels.get(bucket) ?? bucket.levelAt(now, skewMs);

  const verdicts = claims.map((claim): Verdict => {
    const violated: ClaimedCharge[] = [];
    let waitMs = 0;
    for (const claimed of claim.charges) {
      const { charge: { tokens }, bucket } = claimed;
      const wait = msUntil(
        levelOf(bucket),
        bucket.shape,
        tokens + aheadOf(claim, bucket, admitted),
      );
      if (wait > 0) violated.push(claimed);
      waitMs = Math.max(waitMs, wait);
    }
    if (violated.length === 0) {
      admitted.add(claim);
      for (const { charge, bucket } of claim.charges) {
        levels.set(bucket, take(levelOf(bucket), bucket.shape, charge.tokens) ?? levelOf(bucket));
        changed.add(bucket);
      }
    }
    const buckets = claim.charges.map(({ charge, bucket }) => ({ charge, level: levelOf(bucket) }));
    return { claim, buckets, violated, waitMs, at: now };
  });

  const writes = [...changed].map((bucket) => {
    const level = levelOf(bucket);
    const keepMs = msUntilFull(level, bucket.shape) + 2 * skewMs + KEEP_MARGIN_MS;
    return { bucket, key: bucket.key, level, version: bucket.stored.version, keepMs };
  });
  return { verdicts, writes };
}

/** A record that is gone too early counts as full: it is kept a little longer than it needs. */
const KEEP_MARGIN_MS = 1_000;

/** What those who wait for the bucket already will take first: a small claim passes no large one. */
function aheadOf(claim: Claim, bucket: TrackedBucket, admitted: ReadonlySet<Claim>): number {
  let tokens = 0;
  for (const waiting of bucket.line) {
    if (waiting.order >= claim.order) break;
    if (waiting.isOver || admitted.has(waiting)) continue;
    for (const { charge, bucket: of } of waiting.charges) {
      if (of === bucket) tokens += charge.tokens;
    }
  }
  return tokens;
}
