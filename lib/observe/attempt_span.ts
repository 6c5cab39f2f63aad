import type { Span } from "../core/span.ts";
import type { CallRecord } from "../core/trace.ts";

/**
 * Starts the span of an attempt, which is the parent of what the upstream traces. It has no URL, which
 * may contain secrets, but otherwise follows OpenTelemetry's conventions for HTTP clients.
 */
export function startAttemptSpan(parent: Span, method: string, record: CallRecord): Span {
  const { upstream, attempt, isHedge } = record;
  const span = parent.start(`${method} ${upstream}`, true);
  span.set("http.request.method", method);
  span.set("sluice.upstream", upstream);
  if (attempt > 1) span.set("http.request.resend_count", attempt - 1);
  if (isHedge) span.set("sluice.hedge", true);
  return span;
}

/** Ends the span of an attempt. One that was cancelled has not failed: nothing needed it. */
export function endAttemptSpan(span: Span, { target, status, problem, reason }: CallRecord): void {
  if (target !== undefined) span.set("sluice.target", target);
  if (status !== undefined) span.set("http.response.status_code", status);
  if (reason !== undefined) span.set("sluice.cause", reason);
  const error = problem ?? (status !== undefined && status >= 400 ? String(status) : undefined);
  if (error !== undefined) span.set("error.type", error);
  if (error !== undefined && error !== "cancelled") span.fail();
  span.end();
}
