/** The key of the active span in OpenTelemetry's context. */
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");

/** The part of OpenTelemetry's span that is used here. */
interface Span {
  spanContext(): { readonly traceId: string; readonly spanId: string; readonly traceFlags: number };
}

/**
 * Returns the `traceparent` of the span that Deno opened for the request (`OTEL_DENO=true`),
 * instead of the client's, whose trace it continues. Undefined while OpenTelemetry is off.
 */
export function activeTrace(): string | undefined {
  const span: Span | undefined = Deno.telemetry.contextManager.active().getValue(SPAN);
  if (span === undefined) return undefined;
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}
