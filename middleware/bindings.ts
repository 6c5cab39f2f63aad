import type { Span } from "../lib/core/span.ts";

/** What a batch passes to each request in it. */
export interface BatchBinding {
  /** The request's id: `ID.3` for the fourth of the batch ID. */
  readonly itemId: string;
  /** Aborts, with a GatewayError, when the batch ends. */
  readonly signal: AbortSignal;
  /** The batch's deadline, on the monotonic clock (ms). */
  readonly deadline: number;
  /** The batch's span; undefined while OpenTelemetry is off. */
  readonly span: Span | undefined;
}

/** What the server knows of a request. */
export interface Bindings {
  /** The peer's address: the other end of the connection. */
  readonly remoteAddress: string;
  /** The scheme that clients use, before any proxy that this process knows of. */
  readonly scheme: "http" | "https";
  /** Settles when the response has been sent, or can no longer be sent. */
  readonly completed: Promise<void>;
  /** The batch that the request is part of; absent for any other request. */
  readonly batch?: BatchBinding;
}
