import type { Clock } from "../core/clock.ts";
import type { PendingCharge } from "./pending_request.ts";
import { type Instant, instantOf } from "./instant.ts";
import type { ChargedBucket, Grant } from "./limit.ts";
import type { LeaseSpending } from "./lease_spending.ts";

/** What a grant is made of. */
export interface GrantFacts {
  readonly charges: readonly PendingCharge[];
  readonly buckets: readonly ChargedBucket[];
  readonly at: Instant;
  /** What was spent of leases; the rest was taken in the store. */
  readonly spending: LeaseSpending;
  readonly clock: Clock;
}

/** Makes a grant, whose charges can be refunded once. */
export function grantOf({ charges, buckets, at, spending, clock }: GrantFacts): Grant {
  let isRefunded = false;
  return {
    outcome: "admitted",
    buckets,
    at,
    refund(isReturned) {
      if (isRefunded) return;
      isRefunded = true;
      const now = instantOf(clock);
      for (const [index, pending] of charges.entries()) {
        const { charge, bucket } = pending;
        if (!isReturned(charge)) continue;
        const spent = spending.get(pending);
        const resetAt = buckets[index]?.level.resetAt;
        if (spent === undefined) bucket.refund(charge.tokens, at, resetAt);
        else for (const part of spent) bucket.refundSpent(part, now);
      }
    },
  };
}
