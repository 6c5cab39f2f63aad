import type { Call, Context } from "../core/source.ts";

/** The headers of W3C Trace Context that an attempt sends. */
export interface TraceHeaders {
  readonly traceparent: string;
  readonly tracestate: string | undefined;
}

/**
 * Returns the trace headers of an attempt, which replace the call's. Undefined if there is no trace,
 * or the config sets the call's own.
 *
 * Transports add them, so that no header of one request's trace distinguishes its calls from those of
 * other requests, which can then share a call.
 */
export function traceHeaders({ headers }: Call, ctx: Context): TraceHeaders | undefined {
  const { span, trace: { traceparent, tracestate } } = ctx;
  if (span !== undefined) return { traceparent: span.traceparent, tracestate };
  // Unmodified, as a participant without spans passes both on (section 3.4).
  return traceparent === undefined || headers.has("traceparent")
    ? undefined
    : { traceparent, tracestate };
}

/** Sets the trace headers of an attempt. */
export function setTraceHeaders(headers: Headers, { traceparent, tracestate }: TraceHeaders): void {
  headers.set("traceparent", traceparent);
  if (tracestate === undefined) headers.delete("tracestate");
  else headers.set("tracestate", tracestate);
}
