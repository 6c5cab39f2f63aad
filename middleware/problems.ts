import { GatewayError, toGatewayError } from "../lib/core/errors.ts";
import { FieldList } from "../lib/core/field_list.ts";
import { problemDocumentOf } from "../lib/http/problem.ts";
import type { LogFacts } from "../lib/log/log_entry.ts";
import { requestFacts } from "../lib/log/request_facts.ts";
import type { Exchange } from "./exchange.ts";
import { opensPage, PROBLEM_PAGE_HEADERS, problemPage } from "./problem_page.ts";
import { ResponseDraft } from "./response_draft.ts";

const PROBLEM_HEADERS = { "content-type": "application/problem+json" } as const;

/**
 * Turns the error that failed a request into a problem document (RFC 9457), and into a page for a
 * browser that opens the URL.
 * @param logError logs the cause of an unexpected error, which the client never sees
 * @param isStopping whether the gateway is shutting down
 */
export function problems(
  thrown: unknown,
  c: Exchange,
  logError: (error: unknown, about: LogFacts) => void,
  isStopping: boolean,
): ResponseDraft {
  const error = toGatewayError(thrown);
  // A part's failure was logged with the part.
  if (error.kind === "internal" && error.failures.length === 0) {
    logError(error.cause, requestFacts(c.trace));
  }
  c.error = error;
  const shown = readable(error, isStopping);
  const document = problemDocumentOf(shown, c.trace);
  const isPage = opensPage(c.headers);
  return new ResponseDraft(isPage ? problemPage(document) : JSON.stringify(document), {
    status: shown.status,
    headers: FieldList.of({
      ...shown.headers,
      ...(isPage ? PROBLEM_PAGE_HEADERS : PROBLEM_HEADERS),
      "cache-control": "no-store",
    }),
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
