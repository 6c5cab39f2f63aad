import type { Clock } from "../lib/core/clock.ts";
import { isTraceparent } from "../lib/http/traceparent.ts";
import type { Middleware } from "./env.ts";

/** What a client may choose as its request's id: it goes into logs, headers and documents. */
const WELL_FORMED = /^[A-Za-z0-9][A-Za-z0-9._~+/=-]{0,127}$/;

/** Gives every request an id, the client's own where it is well-formed, and begins its trace. */
export function requestId(clock: Clock): Middleware {
  return async function requestId(c, next) {
    const asked = c.req.header("x-request-id");
    const own = asked !== undefined && WELL_FORMED.test(asked) ? asked : undefined;
    const id = c.env.batch?.itemId ?? own ?? crypto.randomUUID();
    const traceparent = c.req.header("traceparent");
    c.set("arrivedAt", clock.monotonic());
    c.set("trace", { id, parts: [], ...(isTraceparent(traceparent) ? { traceparent } : {}) });
    await next();
    c.res.headers.set("x-request-id", id);
  };
}
