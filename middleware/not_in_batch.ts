import { GatewayError } from "../lib/core/errors.ts";
import type { Middleware } from "./env.ts";

/**
 * Refuses a request of a batch, before it is charged. It stands where the router leads to, so that
 * no way of writing a path leads around it.
 * @param what which requests these are
 */
export function notInBatch(what: string): Middleware {
  return async function notInBatch(c, next) {
    if (c.env.batch) throw new GatewayError("bad-request", `a batch cannot hold ${what}`);
    await next();
  };
}
