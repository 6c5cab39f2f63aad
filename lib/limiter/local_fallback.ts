import { type BucketLevel, msUntil, take } from "./bucket.ts";
import type { PendingCharge } from "./pending_request.ts";
import type { Decision } from "./limit.ts";
import type { Instant } from "./instant.ts";
import type { TrackedBucket } from "./tracked_bucket.ts";

/**
 * Decides without the store, as each limit says: `local` counts in this process, `open` lets pass,
 * `closed` lets nothing pass. What is let through locally is lent by the bucket: it is taken off
 * when the store is back.
 */
export function decideLocally(pending: readonly PendingCharge[], now: Instant): Decision {
  if (pending.some(({ charge }) => charge.limit.onStoreFailure === "closed")) {
    return { outcome: "unavailable" };
  }
  const counted = pending.filter(({ charge }) => charge.limit.onStoreFailure === "local");
  const levels = new Map<TrackedBucket, BucketLevel>();
  const levelOf = (bucket: TrackedBucket) => levels.get(bucket) ?? bucket.levelAt(now, 0);
  const violated = counted.filter(({ charge, bucket }) => {
    const rest = take(levelOf(bucket), bucket.shape, charge.tokens);
    if (rest) levels.set(bucket, rest);
    return rest === undefined;
  });
  const isAdmitted = violated.length === 0;
  if (isAdmitted) { for (const { charge, bucket } of counted) bucket.overdraw(charge.tokens, now); }
  const buckets = counted.map(({ charge, bucket }) => ({
    charge,
    level: isAdmitted ? levelOf(bucket) : bucket.levelAt(now, 0),
  }));
  if (isAdmitted) return { outcome: "admitted", buckets, at: now, refund: () => {} };
  const waits = violated.map(({ charge, bucket }) =>
    msUntil(bucket.levelAt(now, 0), bucket.shape, charge.tokens)
  );
  return {
    outcome: "denied",
    buckets,
    violated: violated.map(({ charge }) => charge),
    retryAfterMs: Math.max(...waits),
  };
}
