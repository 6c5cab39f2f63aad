import { GatewayError } from "../lib/errors.ts";
import type { Middleware } from "./env.ts";

/** Refuses a client that must be known and is not; by now it has been counted. */
export function knownClient(): Middleware {
  return async function knownClient(c, next) {
    if (c.get("isRefused")) {
      throw new GatewayError("unauthorized", "this gateway answers known clients only", {
        headers: { "www-authenticate": "Bearer" },
      });
    }
    await next();
  };
}
