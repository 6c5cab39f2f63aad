import type { PendingCharge } from "./pending_request.ts";
import type { Spent } from "./leases/held_leases.ts";
import type { Instant } from "./instant.ts";

/** What was spent of leases for some charges. */
export type Settlement = ReadonlyMap<PendingCharge, readonly Spent[]>;

/** Pays charges out of leases, all of them or none; undefined when leases have too little. */
export function payFromLeases(
  charges: readonly PendingCharge[],
  now: Instant,
): Settlement | undefined {
  const payment = new Map<PendingCharge, readonly Spent[]>();
  for (const claimed of charges) {
    const spent = claimed.bucket.leases.spend(claimed.charge.tokens, now);
    if (spent === undefined) {
      undo(payment, now);
      return undefined;
    }
    payment.set(claimed, spent);
  }
  return payment;
}

/** Gives a payment back: what it was for did not happen. */
export function undo(payment: Settlement, now: Instant): void {
  for (const [{ bucket }, spent] of payment) {
    for (const part of spent) bucket.giveBackSpent(part, now);
  }
}
