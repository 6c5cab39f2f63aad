import { GatewayError } from "../lib/core/errors.ts";
import type { Middleware } from "./middleware.ts";

/**
 * Refuses the request when it is part of a batch, before it costs tokens. It runs after the router,
 * so that no other spelling of a path gets around it.
 * @param what the requests that are refused, for the problem's detail
 */
export function notInBatch(what: string): Middleware {
  return {
    before(c) {
      if (c.env.batch) throw new GatewayError("bad-request", `a batch must not contain ${what}`);
    },
  };
}
