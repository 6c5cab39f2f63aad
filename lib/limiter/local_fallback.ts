import { type BucketLevel, msUntil, take } from "./bucket.ts";
import type { PendingCharge } from "./pending_request.ts";
import type { Decision } from "./limit.ts";
import type { Instant } from "./instant.ts";
import type { TrackedBucket } from "./tracked_bucket.ts";

/**
 * Decides without the store, by the limit's `onStoreFailure`: `local` counts in this process, `open`
 * grants, `closed` grants nothing. Local grants are an overdraft of the bucket: they are deducted when
 * the store is back.
 */
export function decideLocally(pending: readonly PendingCharge[], now: Instant): Decision {
  if (pending.some(({ charge }) => charge.limit.onStoreFailure === "closed")) {
    return { outcome: "unavailable" };
  }
  const local = pending.filter(({ charge }) => charge.limit.onStoreFailure === "local");
  const levels = new Map<TrackedBucket, BucketLevel>();
  const levelOf = (bucket: TrackedBucket) => levels.get(bucket) ?? bucket.levelAt(now, 0);
  const violated = local.filter(({ charge, bucket }) => {
    const rest = take(levelOf(bucket), bucket.shape, charge.tokens);
    if (rest) levels.set(bucket, rest);
    return rest === undefined;
  });
  const isGranted = violated.length === 0;
  if (isGranted) { for (const { charge, bucket } of local) bucket.overdraw(charge.tokens, now); }
  const buckets = local.map(({ charge, bucket }) => ({
    charge,
    level: isGranted ? levelOf(bucket) : bucket.levelAt(now, 0),
  }));
  if (isGranted) return { outcome: "admitted", buckets, at: now, refund: () => {} };
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
