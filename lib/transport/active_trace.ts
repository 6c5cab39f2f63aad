/** Where OpenTelemetry's API keeps the active span in a context. */
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");
const NONE = {} as const;

/** What every span of OpenTelemetry can say of itself. */
interface Span {
  spanContext(): { readonly traceId: string; readonly spanId: string; readonly traceFlags: number };
}

/**
 * The `traceparent` of the span that Deno opened for the request (`OTEL_DENO=true`), in the place of
 * the client's, whose trace it continues. No header while OpenTelemetry is off.
 */
export function activeTrace(): { readonly traceparent?: string } {
  const span: Span | undefined = Deno.telemetry.contextManager.active().getValue(SPAN);
  if (span === undefined) return NONE;
  const { traceId, spanId, traceFlags } = span.spanContext();
  return { traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}` };
}
