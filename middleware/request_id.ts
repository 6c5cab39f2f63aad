import type { Clock } from "../lib/clock.ts";
import type { Middleware } from "./env.ts";

/** What a client may choose as its request's id: it goes into logs, headers and documents. */
const WELL_FORMED = /^[A-Za-z0-9][A-Za-z0-9._~+/=-]{0,127}$/;
/** W3C Trace Context, level 1, section 3.2. */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/;

/** Gives every request an id, the client's own where it is well-formed, and begins its trace. */
export function requestId(clock: Clock): Middleware {
  return async function requestId(c, next) {
    const asked = c.req.header("x-request-id");
    const own = asked !== undefined && WELL_FORMED.test(asked) ? asked : undefined;
    const id = c.env.batch?.itemId ?? own ?? crypto.randomUUID();
    const traceparent = c.req.header("traceparent");
    const isTraced = traceparent !== undefined && TRACEPARENT.test(traceparent);
    c.set("arrivedAt", clock.monotonic());
    c.set("trace", { id, parts: [], ...(isTraced ? { traceparent } : {}) });
    await next();
    c.res.headers.set("x-request-id", id);
  };
}
