import { startServer } from "./server.ts";

/** A span as an OTLP collector receives it. */
export interface ReceivedSpan {
  readonly name: string;
  /** 1: internal, 2: server, 3: client. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly attributes: ReadonlyMap<string, string | boolean>;
  /** 0: unset, 2: error. */
  readonly status: number;
  readonly startedAt: bigint;
  readonly endedAt: bigint;
}

/** An OTLP collector: what it has received, and the environment of a process that sends to it. */
export interface Collector extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>;
  readonly spans: ReceivedSpan[];
  /** All that it received, as text. */
  readonly text: string;
}

/** The part of the OTLP's JSON that is read here. */
interface TraceDocument {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly SpanDocument[] }[];
  }[];
}

interface SpanDocument {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code: number };
  readonly attributes: readonly { readonly key: string; readonly value: AttributeDocument }[];
}

interface AttributeDocument {
  readonly stringValue?: string;
  readonly intValue?: string;
  readonly boolValue?: boolean;
}

/** Starts a collector that receives traces by OTLP over HTTP, as JSON. */
export function startCollector(): Collector {
  const spans: ReceivedSpan[] = [];
  let text = "";
  const server = startServer(async (request) => {
    const received = await request.text();
    text += received;
    const { resourceSpans }: TraceDocument = JSON.parse(received);
    for (const { scopeSpans } of resourceSpans) {
      for (const scope of scopeSpans) spans.push(...scope.spans.map(spanOf));
    }
    return Response.json({});
  });
  return {
    spans,
    get text() {
      return text;
    },
    env: {
      OTEL_DENO: "true",
      OTEL_DENO_METRICS: "false",
      OTEL_DENO_CONSOLE: "ignore",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: server.url,
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function spanOf(span: SpanDocument): ReceivedSpan {
  const { name, kind, traceId, spanId, parentSpanId, status, attributes } = span;
  return {
    name,
    kind,
    traceId,
    spanId,
    parentSpanId,
    status: status.code,
    startedAt: BigInt(span.startTimeUnixNano),
    endedAt: BigInt(span.endTimeUnixNano),
    attributes: new Map(attributes.map(({ key, value }) => [key, valueOf(value)])),
  };
}

function valueOf({ stringValue, intValue, boolValue }: AttributeDocument): string | boolean {
  const value = stringValue ?? intValue ?? boolValue;
  if (value === undefined) throw new Error("an attribute is neither text, integer nor boolean");
  return value;
}
