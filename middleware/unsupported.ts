import { GatewayError } from "../lib/core/errors.ts";
import type { Middleware } from "./middleware.ts";

/** Methods that a gateway should not forward (RFC 9110 sections 9.3.6 and 9.3.8). */
const UNSUPPORTED_METHODS = new Set(["CONNECT", "TRACE", "TRACK"]);

/**
 * Refuses methods and upgrades that the gateway does not support, with 501. A WebSocket client has no
 * use for a plain response; any other upgrade is an offer that a server may ignore (RFC 9110 section
 * 7.8).
 */
export function unsupported(): Middleware {
  return {
    before(c) {
      if (UNSUPPORTED_METHODS.has(c.method)) {
        throw new GatewayError("not-implemented", `the method ${c.method} is not supported`);
      }
      if (isWebSocketUpgrade(c.headers.get("upgrade"))) {
        throw new GatewayError("not-implemented", "WebSocket connections are not supported");
      }
    },
  };
}

function isWebSocketUpgrade(upgrade: string | null): boolean {
  if (upgrade === null) return false;
  return upgrade.split(",").some((protocol) => /^\s*websocket\s*(?:\/|$)/i.test(protocol));
}
