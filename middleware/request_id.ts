import type { Clock } from "../lib/core/clock.ts";
import { isTraceparent } from "../lib/http/traceparent.ts";
import type { Middleware } from "./env.ts";

/** Which ids a client may choose: they go into logs, headers and problem documents. */
const WELL_FORMED = /^[A-Za-z0-9][A-Za-z0-9._~+/=-]{0,127}$/;

/** Gives every request an id (the client's `X-Request-Id` when well-formed) and starts its trace. */
export function requestId(clock: Clock): Middleware {
  return async function requestId(c, next) {
    const sent = c.req.header("x-request-id");
    const own = sent !== undefined && WELL_FORMED.test(sent) ? sent : undefined;
    const id = c.env.batch?.itemId ?? own ?? crypto.randomUUID();
    const traceparent = c.req.header("traceparent");
    c.set("arrivedAt", clock.monotonic());
    c.set("trace", { id, parts: [], ...(isTraceparent(traceparent) ? { traceparent } : {}) });
    await next();
    c.res.headers.set("x-request-id", id);
  };
}
