import type { PendingQuery, Row } from "postgres";

/**
 * The rows of a query. When the signal aborts, the query is cancelled on the server too, which gives
 * its connection back at once; in a transaction, that rolls back.
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
