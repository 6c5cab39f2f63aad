import { type BucketLevel, fullBucket, msUntil, refill, take } from "./bucket.ts";
import type { ClaimedCharge } from "./claim.ts";
import type { Decision } from "./limit.ts";
import type { Instant } from "./tracked_bucket.ts";

/**
 * Decides without the store, as each limit says: `local` counts in this process, `open` lets pass,
 * `closed` lets nothing pass. What is taken locally is taken from the stored bucket too, once the
 * store is back.
 */
export function decideAlone(claimed: readonly ClaimedCharge[], now: Instant): Decision {
  if (claimed.some(({ charge }) => charge.limit.onStoreFailure === "closed")) {
    return { outcome: "unavailable" };
  }
  const counted = claimed.filter(({ charge }) => charge.limit.onStoreFailure === "local");
  const levels = counted.map((claimedCharge) => localLevel(claimedCharge, now));
  const taken = counted.map(({ charge, bucket }, index) =>
    take(levels[index] ?? fullBucket(bucket.shape, now.wall), bucket.shape, charge.tokens)
  );
  const violated = counted.filter((_, index) => taken[index] === undefined);
  const isAdmitted = violated.length === 0;
  const buckets = counted.map(({ charge, bucket }, index) => {
    const level = (isAdmitted ? taken[index] : levels[index]) ?? fullBucket(bucket.shape, now.wall);
    bucket.local = level;
    return { charge, level };
  });
  if (isAdmitted) return { outcome: "admitted", buckets, giveBack: () => {} };
  const waits = violated.map(({ charge, bucket }) =>
    msUntil(bucket.local ?? fullBucket(bucket.shape, now.wall), bucket.shape, charge.tokens)
  );
  return {
    outcome: "denied",
    buckets,
    violated: violated.map(({ charge }) => charge),
    retryAfterMs: Math.max(...waits),
  };
}

function localLevel({ bucket }: ClaimedCharge, now: Instant): BucketLevel {
  return refill(bucket.local ?? bucket.levelAt(now, 0), bucket.shape, now.wall, 0);
}
