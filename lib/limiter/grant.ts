import type { Clock } from "../core/clock.ts";
import type { PendingCharge } from "./pending_request.ts";
import { type Instant, instantOf } from "./instant.ts";
import type { ChargedBucket, Grant } from "./limit.ts";
import type { LeaseSpending } from "./lease_spending.ts";

/** What an admission rests on. */
export interface GrantFacts {
  readonly charges: readonly PendingCharge[];
  readonly buckets: readonly ChargedBucket[];
  readonly at: Instant;
  /** What leases paid; the store paid for the rest. */
  readonly spending: LeaseSpending;
  readonly clock: Clock;
}

/** An admission, of which each charge can be given back once. */
export function grantOf({ charges, buckets, at, spending, clock }: GrantFacts): Grant {
  let isGivenBack = false;
  return {
    outcome: "admitted",
    buckets,
    at,
    refund(isReturned) {
      if (isGivenBack) return;
      isGivenBack = true;
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
