import type { PendingCharge } from "./pending_request.ts";
import type { Spent } from "./leases/held_leases.ts";
import type { Instant } from "./instant.ts";

/** What was spent of leases for some charges. */
export type LeaseSpending = ReadonlyMap<PendingCharge, readonly Spent[]>;

/** Pays charges out of leases, all of them or none; undefined when leases have too little. */
export function spendLeases(
  charges: readonly PendingCharge[],
  now: Instant,
): LeaseSpending | undefined {
  const spending = new Map<PendingCharge, readonly Spent[]>();
  for (const pending of charges) {
    const spent = pending.bucket.leases.spend(pending.charge.tokens, now);
    if (spent === undefined) {
      undoSpending(spending, now);
      return undefined;
    }
    spending.set(pending, spent);
  }
  return spending;
}

/** Gives a spending back: what it was for did not happen. */
export function undoSpending(spending: LeaseSpending, now: Instant): void {
  for (const [{ bucket }, spent] of spending) {
    for (const part of spent) bucket.refundSpent(part, now);
  }
}
