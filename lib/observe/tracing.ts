import type { Context, Span as OtelSpan, Tracer } from "@opentelemetry/api";
import type { Span, SpanValue } from "../core/span.ts";
import { adaptDenoSpans, type DenoSpan } from "./adapt_deno_spans.ts";

/** Makes the spans of requests. */
export interface Tracing {
  /** Returns the span that Deno opened for the request that is being handled. */
  requestSpan(): Span;
}

/** OpenTelemetry's API, and what makes spans with it. */
interface OpenTelemetry {
  readonly api: typeof import("@opentelemetry/api");
  readonly tracer: Tracer;
}

/** Where Deno registers its providers for OpenTelemetry's API, while that is on. */
const REGISTERED = Symbol.for("opentelemetry.js.api.1");

/**
 * Opens tracing; undefined unless Deno exports traces (`OTEL_DENO=true`). OpenTelemetry's API is loaded
 * only then: a gateway without it pays nothing.
 */
export async function openTracing(): Promise<Tracing | undefined> {
  const registered: unknown = Reflect.get(globalThis, REGISTERED);
  if (typeof registered !== "object" || registered === null) return undefined;
  if (!("trace" in registered)) return undefined;
  const api = await import("@opentelemetry/api");
  const otel = { api, tracer: api.trace.getTracer("sluice") };
  adaptDenoSpans(otel);
  return {
    requestSpan() {
      const context = api.context.active();
      return new TracedSpan(
        otel,
        api.trace.getSpan(context) ?? otel.tracer.startSpan("request"),
        context,
      );
    },
  };
}

/** A span, and its context. One that is not sampled stands for all within it. */
class TracedSpan implements Span {
  readonly traceId: string;
  readonly traceparent: string;
  readonly #otel: OpenTelemetry;
  readonly #span: OtelSpan;
  readonly #context: Context;
  readonly #isSampled: boolean;

  constructor(otel: OpenTelemetry, span: OtelSpan, parent: Context) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.traceId = traceId;
    this.traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
    this.#otel = otel;
    this.#span = span;
    this.#context = otel.api.trace.setSpan(parent, span);
    this.#isSampled = (traceFlags & otel.api.TraceFlags.SAMPLED) !== 0;
  }

  start(name: string, isCall = false): Span {
    if (!this.#isSampled) return this;
    const { api: { SpanKind }, tracer } = this.#otel;
    const kind = isCall ? SpanKind.CLIENT : SpanKind.INTERNAL;
    const started = tracer.startSpan(name, { kind }, this.#context);
    return new TracedSpan(this.#otel, started, this.#context);
  }

  rename(name: string): void {
    this.#span.updateName(name);
  }

  set(name: string, value: SpanValue): void {
    if (!this.#isSampled) return;
    const span: DenoSpan = this.#span;
    // Deno exports a number as a double, and a bigint as an integer.
    const isInteger = typeof value === "number" && Number.isInteger(value);
    span.setAttribute(name, isInteger ? BigInt(value) : value);
  }

  fail(): void {
    if (this.#isSampled) this.#span.setStatus({ code: this.#otel.api.SpanStatusCode.ERROR });
  }

  run<T>(work: () => T): T {
    return this.#otel.api.context.with(this.#context, work);
  }

  end(): void {
    if (this.#isSampled) this.#span.end();
  }
}
