import type { Tracing } from "../lib/observe/tracing.ts";
import type { Span } from "../lib/core/span.ts";
import type { Middleware } from "./middleware.ts";

/**
 * Gives the request its span: the one that Deno opened for it, or in a batch one of its own. It is
 * named after the route, so that the requests of a route can be found and compared.
 */
export function traceRequest(tracing: Tracing): Middleware {
  return {
    before(c) {
      const { batch } = c.env;
      c.trace.span = batch ? batch.span?.start(c.method) : tracing.requestSpan();
    },
    after({ trace, env, method, route, error }, { status }) {
      const { span, id, isHit } = trace;
      if (span === undefined) return;
      if (route !== undefined) {
        const pattern = route.slice(route.indexOf(" ") + 1);
        span.rename(`${method} ${pattern}`);
        span.set("http.route", pattern);
      }
      span.set("sluice.request.id", id);
      if (isHit) span.set("sluice.cache", "hit");
      if (error) span.set("error.type", error.kind);
      if (env.batch) endItem(span, method, status);
    },
  };
}

/** Ends the span of a request in a batch, of which Deno knows nothing. */
function endItem(span: Span, method: string, status: number): void {
  span.set("http.request.method", method);
  span.set("http.response.status_code", status);
  if (status >= 500) span.fail();
  span.end();
}
