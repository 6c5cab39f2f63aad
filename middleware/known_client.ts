import type { ClientSettings } from "../lib/config/client.ts";
import { GatewayError } from "../lib/core/errors.ts";
import type { Middleware } from "./middleware.ts";

/**
 * Refuses a client that must be known and is not, after the rate limit has counted it.
 * @param key where clients send their key
 */
export function knownClient(key: ClientSettings["key"]): Middleware {
  const challenge = key === "bearer" ? "Bearer" : `ApiKey header="${key.header}"`;
  return {
    before(c) {
      if (c.isRefused) {
        throw new GatewayError("unauthorized", "this gateway requires a known client", {
          headers: { "www-authenticate": challenge },
        });
      }
    },
  };
}
