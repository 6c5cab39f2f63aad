import type { Clock } from "../lib/core/clock.ts";
import type { Trace } from "../lib/core/trace.ts";
import { isTraceparent } from "../lib/http/traceparent.ts";
import type { Middleware } from "./middleware.ts";

/** Which ids a client may choose: they go into logs, headers and problem documents. */
const WELL_FORMED = /^[A-Za-z0-9][A-Za-z0-9._~+/=-]{0,127}$/;

/**
 * Gives every request an id (the client's `X-Request-Id` when well-formed) and starts its trace.
 * @param isObserved whether the trace records calls and waits, too
 */
export function requestId(clock: Clock, isObserved = false): Middleware {
  return {
    before(c) {
      const sent = c.headers.get("x-request-id");
      const own = sent !== null && WELL_FORMED.test(sent) ? sent : undefined;
      const id = c.env.batch?.itemId ?? own ?? crypto.randomUUID();
      c.arrivedAt = clock.monotonic();
      c.trace = {
        id,
        parts: [],
        ...traceContext(c.headers),
        ...(isObserved ? { calls: [], waits: [] } : {}),
      };
    },
    after(c, { headers }) {
      headers.set("x-request-id", c.trace.id);
    },
  };
}

/** The client's trace; a `tracestate` belongs to a valid `traceparent` (W3C Trace Context). */
function traceContext(headers: Headers): Pick<Trace, "traceparent" | "tracestate"> | undefined {
  const traceparent = headers.get("traceparent");
  if (!isTraceparent(traceparent)) return undefined;
  const tracestate = headers.get("tracestate");
  return tracestate === null ? { traceparent } : { traceparent, tracestate };
}
