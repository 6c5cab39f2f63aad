import { GatewayError } from "../lib/core/errors.ts";
import type { Middleware } from "./env.ts";

/**
 * Refuses a request that this gateway has sent itself, by its own pseudonym in `Via`
 * (RFC 9110 section 7.6.3).
 */
export function loop(pseudonym: string): Middleware {
  return async function loop(c, next) {
    const via = c.req.header("via");
    if (via?.split(",").some((hop) => hop.trim().split(/\s+/)[1] === pseudonym)) {
      throw new GatewayError("loop", "an upstream leads back to this gateway");
    }
    await next();
  };
}
