import type { Context as HonoContext, MiddlewareHandler } from "hono";
import type { GatewayError } from "../lib/core/errors.ts";
import type { SendOutcome } from "../lib/http/response_sender.ts";
import type { Target } from "../lib/http/path.ts";
import type { Context } from "../lib/core/source.ts";
import type { Trace } from "../lib/core/trace.ts";

/** What a batch passes to each request in it. */
export interface BatchBinding {
  /** The request's id: `ID.3` for the fourth of the batch ID. */
  readonly itemId: string;
  /** Aborts, with a GatewayError, when the batch ends. */
  readonly signal: AbortSignal;
  /** The batch's deadline, on the monotonic clock (ms). */
  readonly deadline: number;
}

/** What the gateway knows of a request while it handles it. */
export interface Env {
  Bindings: {
    /** The peer's address: the other end of the connection. */
    remoteAddress: string;
    /** The scheme that clients use, before any proxy that this process knows of. */
    scheme: "http" | "https";
    /** Settles when the response has been sent, or can no longer be sent. */
    completed: Promise<void>;
    /** The batch that the request is part of; absent for any other request. */
    batch?: BatchBinding;
  };
  Variables: {
    trace: Trace;
    /** On the monotonic clock (ms). */
    arrivedAt: number;
    target: Target;
    /** Settles when a response that streams records has ended; undefined for any other. */
    streaming: Promise<void> | undefined;
    /** Resolves to how sending ended, for a response that is sent in pieces; undefined for any other. */
    sending: Promise<SendOutcome> | undefined;
    /** Undefined until a route has matched. */
    ctx: Context;
    /** The key of the matched route; undefined until one has matched. */
    route: string | undefined;
    /** Whether the client must be known and is not. */
    isRefused: boolean;
    /** Why the request failed; undefined when it did not. */
    error: GatewayError | undefined;
  };
}

/** One request in middleware and routes. `c.get` is cheap; `c.var` copies every variable. */
export type Exchange = HonoContext<Env>;

/** A middleware of the gateway. */
export type Middleware = MiddlewareHandler<Env>;
