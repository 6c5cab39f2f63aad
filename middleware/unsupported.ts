import { GatewayError } from "../lib/errors.ts";
import type { Middleware } from "./env.ts";

/** Methods that fetch cannot send, and that no gateway should (RFC 9110 section 9.3.6 and 9.3.8). */
const UNSUPPORTED_METHODS = new Set(["CONNECT", "TRACE", "TRACK"]);

/** Says at once what the gateway cannot do, instead of doing half of it. */
export function unsupported(): Middleware {
  return async function unsupported(c, next) {
    if (UNSUPPORTED_METHODS.has(c.req.method)) {
      throw new GatewayError("not-implemented", `the method ${c.req.method} is not supported`);
    }
    if (c.req.raw.headers.has("upgrade")) {
      throw new GatewayError(
        "not-implemented",
        "connections cannot be upgraded, to WebSocket or else",
      );
    }
    await next();
  };
}
