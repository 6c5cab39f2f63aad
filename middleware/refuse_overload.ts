import type { Overload } from "../lib/async/overload.ts";
import { GatewayError } from "../lib/core/errors.ts";
import type { Middleware } from "./middleware.ts";

/** How long a refused client should wait before it tries again (s). */
const RETRY_AFTER_S = 1;

/**
 * Refuses requests while the gateway is overloaded, before they cost anything. A request counts until
 * its response has been sent, if it is sent in pieces.
 */
export function refuseOverload(overload: Overload): Middleware {
  const leave = () => overload.leave();
  return {
    before() {
      if (!overload.enter()) throw refused();
    },
    after({ streaming, sending = streaming }) {
      if (sending) sending.then(leave, leave);
      else leave();
    },
  };
}

function refused(): GatewayError {
  return new GatewayError("overloaded", "the gateway has more requests than it can handle", {
    headers: { "retry-after": String(RETRY_AFTER_S) },
  });
}
