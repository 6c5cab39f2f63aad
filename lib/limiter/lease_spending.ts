import type { PendingCharge } from "./pending_request.ts";
import type { Spent } from "./leases/held_leases.ts";
import type { Instant } from "./instant.ts";

/** What was spent of leases, by charge. */
export type LeaseSpending = ReadonlyMap<PendingCharge, readonly Spent[]>;

/** Spends leased tokens for all charges or none; undefined when the leases have too few. */
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

/** Undoes a spending: its decision did not hold. */
export function undoSpending(spending: LeaseSpending, now: Instant): void {
  for (const [{ bucket }, spent] of spending) {
    for (const part of spent) bucket.refundSpent(part, now);
  }
}
