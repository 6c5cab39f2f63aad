import { GatewayError, toGatewayError } from "../lib/core/errors.ts";
import { problemDocumentOf } from "../lib/http/problem.ts";
import type { Exchange } from "./env.ts";

/**
 * Turns the error that failed a request into a problem document (RFC 9457).
 * @param logError logs the cause of an unexpected error, which the client never sees
 * @param isStopping whether the gateway is shutting down
 */
export function problems(
  thrown: unknown,
  c: Exchange,
  logError: (error: unknown, requestId: string) => void,
  isStopping: boolean,
): Response {
  const error = toGatewayError(thrown);
  // A part's failure was logged with the part.
  if (error.kind === "internal" && error.failures.length === 0) {
    logError(error.cause, c.get("trace").id);
  }
  c.set("error", error);
  const shown = readable(error, isStopping);
  const document = problemDocumentOf(shown, c.get("trace").id);
  return new Response(JSON.stringify(document), {
    status: shown.status,
    headers: {
      ...shown.headers,
      "content-type": "application/problem+json",
      "cache-control": "no-store",
    },
  });
}

/**
 * A client that stopped sending may still read: it gets 400, while the log has 499. At shutdown it
 * is Deno's server that stops reading uploads, and the client may send them to another process.
 */
function readable(error: GatewayError, isStopping: boolean): GatewayError {
  if (error.kind !== "cancelled") return error;
  if (!isStopping) return new GatewayError("bad-request", error.message);
  return new GatewayError("overloaded", "the gateway is stopping", {
    headers: { "retry-after": "1" },
  });
}
