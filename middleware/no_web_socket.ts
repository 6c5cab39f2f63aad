import { GatewayError } from "../lib/core/errors.ts";
import { isWebSocketUpgrade } from "../lib/http/is_web_socket_upgrade.ts";
import type { Middleware } from "./middleware.ts";

/** Refuses WebSocket connections with 501: their clients have no use for a plain response. */
export function noWebSocket(): Middleware {
  return {
    before(c) {
      if (!isWebSocketUpgrade(c.headers)) return;
      throw new GatewayError("not-implemented", "WebSocket connections are not supported here");
    },
  };
}
