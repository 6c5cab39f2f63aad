/** A timed piece of work in a distributed trace (OpenTelemetry). */
export interface Span {
  /** The trace's id: 32 hexadecimal digits. */
  readonly traceId: string;
  /** The W3C `traceparent` of what is called within it. */
  readonly traceparent: string;
  /**
   * Starts a span within it.
   * @param isCall whether it is a call to another service (default: the gateway's own work)
   */
  start(name: string, isCall?: boolean): Span;
  /** Gives it another name. */
  rename(name: string): void;
  /** Sets an attribute, once. */
  set(name: string, value: SpanValue): void;
  /** Marks it as failed. */
  fail(): void;
  /** Runs a function, so that what Deno itself traces is within the span. */
  run<T>(work: () => T): T;
  /** Ends it. */
  end(): void;
}

/** Marks a context of OpenTelemetry in which no spans are made, as its own SDK does. */
export const SUPPRESSED = Symbol.for("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

/** What an attribute may be. */
export type SpanValue = string | number | boolean;

/** Waits within a span of its own, where there is tracing. */
export function waitIn<T>(span: Span | undefined, name: string, wait: Promise<T>): Promise<T> {
  if (span === undefined) return wait;
  const waiting = span.start(name);
  return wait.finally(() => waiting.end());
}
