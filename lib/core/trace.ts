import type { GatewayError, PartFailure } from "./errors.ts";

/** The outcome of a part. */
export interface PartRecord {
  /** The part's name. */
  readonly part: string;
  /** Time from its start to its outcome (ms). */
  readonly durationMs: number;
  /** The error; absent if it succeeded. */
  readonly error?: GatewayError;
  /** Facts about its reply; absent if it failed. */
  readonly reply?: {
    readonly headers: Headers;
    /** Failures of items that are missing from it. */
    readonly failures?: readonly PartFailure[];
    /** How a cache handled the call. */
    readonly cached?: { readonly isHit: boolean };
  };
}

/** What logs and response headers report about a request. */
export interface Trace {
  /** The request's id, as `X-Request-Id` shows it. */
  readonly id: string;
  /** The client's W3C `traceparent`, passed on to upstreams. */
  readonly traceparent?: string;
  /** The parts settled so far, in the order of their outcomes. */
  readonly parts: PartRecord[];
  /** How many parts are being called now; absent if the request has no parts. */
  partsRunning?: number;
  /** Whether the whole response is a cache hit. */
  isHit?: boolean;
}
