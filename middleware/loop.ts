import { GatewayError } from "../lib/core/errors.ts";
import type { Middleware } from "./middleware.ts";

/**
 * Refuses a request that this gateway has sent itself, by its own pseudonym in `Via`
 * (RFC 9110 section 7.6.3).
 */
export function loop(pseudonym: string): Middleware {
  return {
    before(c) {
      const via = c.headers.get("via");
      if (via?.split(",").some((hop) => hop.trim().split(/\s+/)[1] === pseudonym)) {
        throw new GatewayError("loop", "an upstream leads back to this gateway");
      }
    },
  };
}
