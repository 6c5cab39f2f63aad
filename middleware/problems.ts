import { GatewayError, toGatewayError } from "../lib/core/errors.ts";
import { problemDocumentOf } from "../lib/http/problem.ts";
import type { Exchange } from "./env.ts";

/**
 * Turns whatever a request failed with into a problem document (RFC 9457).
 * @param logError told of what was nobody's plan, which the client is not
 */
export function problems(
  thrown: unknown,
  c: Exchange,
  logError: (error: unknown, requestId: string) => void,
): Response {
  const error = toGatewayError(thrown);
  // A part's mistake was logged with the part.
  if (error.kind === "internal" && error.failures.length === 0) {
    logError(error.cause, c.get("trace").id);
  }
  c.set("error", error);
  const shown = readable(error);
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

/** A client that stopped sending may still read: it gets a status of HTTP's own, and the log ours. */
function readable(error: GatewayError): GatewayError {
  return error.kind === "cancelled" ? new GatewayError("bad-request", error.message) : error;
}
