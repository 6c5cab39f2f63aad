import type { CachedFacts } from "./cached_facts.ts";
import type { GatewayError, Kind, PartFailure } from "./errors.ts";
import type { Span } from "./span.ts";
import type { UpstreamFaultReason } from "./upstream_fault.ts";

/** The outcome of a part. */
export interface PartRecord {
  /** The part's name. */
  readonly part: string;
  /** When it started, on the monotonic clock (ms); absent if it was never called. */
  readonly startedAt?: number | undefined;
  /** Time from its start to its outcome (ms). */
  readonly durationMs: number;
  /** The error; absent if it succeeded. */
  readonly error?: GatewayError;
  /** Whether its condition was false, or that of a part it needs, so that it was not called. */
  readonly isSkipped?: true;
  /** Facts about its reply; absent if it failed or was skipped. */
  readonly reply?: {
    readonly headers: Headers;
    /** Failures of items that are missing from it. */
    readonly failures?: readonly PartFailure[];
    /** How a cache handled the call. */
    readonly cached?: CachedFacts;
  };
}

/**
 * One attempt of a call to an upstream: it starts when the queues in front of the upstream have let it
 * through, and ends with the reply (of a forward: with the head of it) or with an error.
 */
export interface CallRecord {
  /** The part that it was made for; undefined for a forward. */
  readonly part: string | undefined;
  /** The upstream's name. */
  readonly upstream: string;
  /** The origin that it was sent to last; undefined where the upstream has no choice of targets. */
  target: string | undefined;
  /** Which attempt of the call it is, from 1: more are retries. A hedge has its first call's number. */
  readonly attempt: number;
  /** Whether it was made because the first one was slow. */
  readonly isHedge: boolean;
  /** When it started, on the monotonic clock (ms). */
  readonly startedAt: number;
  /** How long it took (ms); undefined while it runs. */
  durationMs: number | undefined;
  /** The upstream's status; undefined if it sent none. */
  status: number | undefined;
  /** Why there was no reply; `cancelled` for what was no longer needed, such as the slower of two. */
  problem: Kind | undefined;
  /** Why no connection or no response came about; undefined where the system reported nothing. */
  reason: UpstreamFaultReason | undefined;
  /** The system's own words for it, for the operator alone; may contain addresses, never secrets. */
  cause: string | undefined;
}

/** Time in which a request, or a call for it, only waited. */
export interface WaitRecord {
  /**
   * What for: `limits`, for tokens of the request's limits and the store that counts them; `rate`, for
   * the upstream's rate; `concurrency`, for a slot of the upstream; `backoff`, before a retry; `shared`,
   * for the reply to an identical call that another request had made.
   */
  readonly for: "limits" | "rate" | "concurrency" | "backoff" | "shared";
  /** The part that waited; undefined for a forward, and for the request as a whole. */
  readonly part: string | undefined;
  /** The upstream that it waited for; undefined for `limits`. */
  readonly upstream: string | undefined;
  /** When it began, on the monotonic clock (ms). */
  readonly startedAt: number;
  /** How long it took (ms). */
  readonly durationMs: number;
}

/** What logs and response headers report about a request. */
export interface Trace {
  /** The request's id, as `X-Request-Id` shows it. */
  readonly id: string;
  /** The client's W3C `traceparent`, if it is valid. */
  readonly traceparent?: string;
  /** The client's `tracestate`; absent without a valid `traceparent`. */
  readonly tracestate?: string;
  /** The request's span; undefined while OpenTelemetry is off. */
  span?: Span | undefined;
  /** The key of the matched route; undefined until one has matched. */
  route?: string;
  /** The parts settled so far, in the order of their outcomes. */
  readonly parts: PartRecord[];
  /** How many parts are being called now; absent if the request has no parts. */
  partsRunning?: number;
  /** Whether the whole response is a cache hit. */
  isHit?: boolean;
  /** How a cache handled the whole response; absent if none did. */
  cached?: CachedFacts | undefined;
  /** The attempts of its calls so far, in the order of their starts; absent while nobody observes. */
  readonly calls?: CallRecord[] | undefined;
  /** Its waits so far, in the order of their ends; absent while nobody observes. */
  readonly waits?: WaitRecord[] | undefined;
}

/** Where a `traceparent` has the trace's id. */
const [TRACE_ID_AT, TRACE_ID_END] = [3, 35];

/** The id of a request's trace: 32 hexadecimal digits; undefined if it has none. */
export function traceIdOf({ span, traceparent }: Trace): string | undefined {
  return span?.traceId ?? traceparent?.slice(TRACE_ID_AT, TRACE_ID_END);
}
