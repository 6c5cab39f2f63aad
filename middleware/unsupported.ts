import { GatewayError } from "../lib/core/errors.ts";
import type { Middleware } from "./env.ts";

/** Methods that fetch cannot send, and that no gateway should (RFC 9110 section 9.3.6 and 9.3.8). */
const UNSUPPORTED_METHODS = new Set(["CONNECT", "TRACE", "TRACK"]);

/**
 * Refuses at once what the gateway cannot do. A WebSocket client can do nothing with a plain
 * response; any other upgrade is an offer, which a server may ignore (RFC 9110 section 7.8).
 */
export function unsupported(): Middleware {
  return async function unsupported(c, next) {
    if (UNSUPPORTED_METHODS.has(c.req.method)) {
      throw new GatewayError("not-implemented", `the method ${c.req.method} is not supported`);
    }
    if (asksForWebSocket(c.req.raw.headers.get("upgrade"))) {
      throw new GatewayError("not-implemented", "WebSocket connections are not supported");
    }
    await next();
  };
}

function asksForWebSocket(upgrade: string | null): boolean {
  if (upgrade === null) return false;
  return upgrade.split(",").some((protocol) => /^\s*websocket\s*(?:\/|$)/i.test(protocol));
}
