import type { Clock } from "../core/clock.ts";
import type { PendingCharge } from "./pending_request.ts";
import { type Instant, instantOf } from "./instant.ts";
import type { ChargedBucket, Grant } from "./limit.ts";
import type { Settlement } from "./settlement.ts";

/** What an admission rests on. */
export interface DecisionFacts {
  readonly charges: readonly PendingCharge[];
  readonly buckets: readonly ChargedBucket[];
  readonly at: Instant;
  /** What leases paid; the store paid for the rest. */
  readonly payment: Settlement;
  readonly clock: Clock;
}

/** An admission, of which each charge can be given back once. */
export function nextDecision({ charges, buckets, at, payment, clock }: DecisionFacts): Grant {
  let isGivenBack = false;
  return {
    outcome: "admitted",
    buckets,
    at,
    giveBack(isReturned) {
      if (isGivenBack) return;
      isGivenBack = true;
      const now = instantOf(clock);
      for (const [index, claimed] of charges.entries()) {
        const { charge, bucket } = claimed;
        if (!isReturned(charge)) continue;
        const spent = payment.get(claimed);
        const resetAt = buckets[index]?.level.resetAt;
        if (spent === undefined) bucket.giveBack(charge.tokens, at, resetAt);
        else for (const part of spent) bucket.giveBackSpent(part, now);
      }
    },
  };
}
