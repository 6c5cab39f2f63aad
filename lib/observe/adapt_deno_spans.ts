import type { AttributeValue, Context, Span, SpanOptions, Tracer } from "@opentelemetry/api";

import { SUPPRESSED } from "../core/span.ts";

/** What is adapted. */
export interface DenoTracing {
  readonly api: typeof import("@opentelemetry/api");
  readonly tracer: Tracer;
}

/** A span of Deno's, which takes integers, too: it exports numbers as doubles. */
export interface DenoSpan extends Omit<Span, "setAttribute"> {
  setAttribute(name: string, value: AttributeValue | bigint): this;
}

/** Attributes with URLs, and error messages that contain them. */
const WITH_URLS: ReadonlySet<string> = new Set([
  "url.full",
  "exception.message",
  "exception.stacktrace",
]);

/**
 * Changes what Deno's own spans of `Deno.serve` and `fetch` contain. An attribute that was set cannot
 * be replaced or removed later, so the methods of all spans are wrapped:
 *
 * - queries and credentials in URLs, which may be secrets, are left out;
 * - a status is an integer, as the semantic conventions have it;
 * - the first `error.type` counts: the gateway's own is more precise than a status;
 * - a context can suppress spans.
 */
export function adaptDenoSpans({ api, tracer }: DenoTracing): void {
  const tracers: Tracer = Object.getPrototypeOf(tracer);
  const { startSpan } = tracers;
  const none = api.trace.wrapSpanContext(api.INVALID_SPAN_CONTEXT);
  tracers.startSpan = function (
    name: string,
    options?: SpanOptions,
    context: Context = api.context.active(),
  ): Span {
    if (context.getValue(SUPPRESSED) === true) return none;
    return startSpan.call(this, name, options, context);
  };

  const spans: DenoSpan = Object.getPrototypeOf(startSpan.call(tracer, "prototype"));
  const { setAttribute, setStatus } = spans;
  const typed = new WeakSet<DenoSpan>();
  spans.setAttribute = function (name: string, value: AttributeValue | bigint) {
    if (name === "url.query") return this;
    if (name === "error.type") {
      if (typed.has(this)) return this;
      typed.add(this);
    }
    if (typeof value === "string") {
      if (WITH_URLS.has(name)) return setAttribute.call(this, name, withoutSecrets(value));
      if (name === "http.response.status_code") return setAttribute.call(this, name, BigInt(value));
    }
    return setAttribute.call(this, name, value);
  };
  spans.setStatus = function ({ code, message }) {
    return setStatus.call(this, { code, ...(message && { message: withoutSecrets(message) }) });
  };
}

/** Removes credentials, queries and fragments from the URLs in a text. */
function withoutSecrets(text: string): string {
  return text.replaceAll(/(https?:\/\/)(?:[^\s/?#@]*@)?([^\s?#)]*)(?:[?#][^\s)]*)?/g, "$1$2");
}
