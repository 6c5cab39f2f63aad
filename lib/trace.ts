import type { GatewayError, PartFailure } from "./errors.ts";

/** How one part went. */
export interface PartRecord {
  /** Its name. */
  readonly part: string;
  /** From asking to its outcome (ms). */
  readonly durationMs: number;
  /** Why it failed; absent when it succeeded. */
  readonly error?: GatewayError;
  /** What it answered, and which items are missing from it; absent when it failed. */
  readonly reply?: { readonly failures?: readonly PartFailure[] };
}

/** What is known of one request for logs and response headers. */
export interface Trace {
  /** The request's id, as `X-Request-Id` shows it. */
  readonly id: string;
  /** The client's W3C `traceparent`, sent on to upstreams. */
  readonly traceparent?: string;
  /** The parts settled so far, in the order of their outcomes. */
  readonly parts: PartRecord[];
}
