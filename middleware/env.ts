import type { Context as HonoContext, MiddlewareHandler } from "hono";
import type { GatewayError } from "../lib/core/errors.ts";
import type { SendOutcome } from "../lib/http/response_sender.ts";
import type { Target } from "../lib/http/path.ts";
import type { Context } from "../lib/core/source.ts";
import type { Trace } from "../lib/core/trace.ts";

/** What a request of a batch has from it. */
export interface BatchBinding {
  /** The request's id: `ID.3` for the fourth of the batch ID. */
  readonly itemId: string;
  /** Aborts, with a GatewayError, when the batch ends. */
  readonly signal: AbortSignal;
  /** The batch's deadline, on the monotonic clock (ms). */
  readonly deadline: number;
}

/** What the gateway keeps of one request while it lives. */
export interface Env {
  Bindings: {
    /** The address at the other end of the connection. */
    remoteAddress: string;
    /** How the request came to whoever speaks to clients. */
    scheme: "http" | "https";
    /** Settles when the answer has been sent, or can no longer be. */
    completed: Promise<void>;
    /** The batch that the request is one of; absent when it came alone. */
    batch?: BatchBinding;
  };
  Variables: {
    trace: Trace;
    /** On the monotonic clock (ms). */
    arrivedAt: number;
    target: Target;
    /** Settles when an answer that is told as it comes has ended; undefined for any other. */
    answering: Promise<void> | undefined;
    /** How a response that is sent in pieces comes to its end; undefined for any other. */
    sending: Promise<SendOutcome> | undefined;
    /** Undefined before a route was found. */
    ctx: Context;
    /** The key of the route that answers; undefined before one was found. */
    route: string | undefined;
    /** Whether the client must be known, and is not. */
    isRefused: boolean;
    /** Why the request failed; undefined when it did not. */
    error: GatewayError | undefined;
  };
}

/** One request, as middleware and routes see it. `c.get` is cheap; `c.var` copies them all. */
export type Exchange = HonoContext<Env>;

/** A middleware of the gateway. */
export type Middleware = MiddlewareHandler<Env>;
