import type { PendingQuery, Row } from "postgres";

/**
 * Runs a query. When the signal aborts, the query is cancelled on the server too, which releases its
 * connection at once and rolls back a transaction.
 */
export async function cancellable<T extends readonly Row[]>(
  query: PendingQuery<T>,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  const cancel = () => query.cancel();
  signal.addEventListener("abort", cancel);
  try {
    return await query;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}
