import type { ClientSettings } from "../lib/config/client.ts";
import { GatewayError } from "../lib/core/errors.ts";
import type { Middleware } from "./env.ts";

/**
 * Refuses a client that must be known and is not; by now it has been counted.
 * @param key where it should have shown its key
 */
export function knownClient(key: ClientSettings["key"]): Middleware {
  const challenge = key === "bearer" ? "Bearer" : `ApiKey header="${key.header}"`;
  return async function knownClient(c, next) {
    if (c.get("isRefused")) {
      throw new GatewayError("unauthorized", "this gateway answers known clients only", {
        headers: { "www-authenticate": challenge },
      });
    }
    await next();
  };
}
