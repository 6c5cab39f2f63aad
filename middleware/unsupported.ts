import { GatewayError } from "../lib/core/errors.ts";
import type { Middleware } from "./middleware.ts";

/** Methods that a gateway should not forward (RFC 9110 sections 9.3.6 and 9.3.8). */
const UNSUPPORTED_METHODS = new Set(["CONNECT", "TRACE", "TRACK"]);

/** Refuses methods that the gateway does not support, with 501. */
export function unsupported(): Middleware {
  return {
    before(c) {
      if (UNSUPPORTED_METHODS.has(c.method)) {
        throw new GatewayError("not-implemented", `the method ${c.method} is not supported`);
      }
    },
  };
}
