import type { GatewayError, PartFailure } from "./errors.ts";

/** How one part went. */
export interface PartRecord {
  /** Its name. */
  readonly part: string;
  /** From asking to its outcome (ms). */
  readonly durationMs: number;
  /** Why it failed; absent when it succeeded. */
  readonly error?: GatewayError;
  /** What is known of its answer; absent when it failed. */
  readonly reply?: {
    readonly headers: Headers;
    /** The items that are missing from it. */
    readonly failures?: readonly PartFailure[];
    /** How a cache had to do with it. */
    readonly cached?: { readonly isHit: boolean };
  };
}

/** What is known of one request for logs and response headers. */
export interface Trace {
  /** The request's id, as `X-Request-Id` shows it. */
  readonly id: string;
  /** The client's W3C `traceparent`, sent on to upstreams. */
  readonly traceparent?: string;
  /** The parts settled so far, in the order of their outcomes. */
  readonly parts: PartRecord[];
  /** Whether the whole answer came from a cache. */
  isHit?: boolean;
}
