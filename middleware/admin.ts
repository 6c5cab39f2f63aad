import { timingSafeEqual } from "node:crypto";
import { GatewayError } from "../lib/errors.ts";
import { keyHash } from "../lib/client_directory.ts";
import type { Middleware } from "./env.ts";

/** An address of this machine alone. */
const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|::1|::ffff:127(?:\.\d{1,3}){3})$/;
/** Headers of a proxy, through which anyone may come from this machine's own address. */
const FORWARDED = ["forwarded", "x-forwarded-for", "x-real-ip", "via"] as const;

/**
 * Lets the operator pass: who shows the token, or, where there is none, who asks from this machine.
 * @param token undefined when the environment holds none
 */
export function admin(token: string | undefined): Middleware {
  const encoder = new TextEncoder();
  const expected = token === undefined ? undefined : encoder.encode(keyHash(token));
  return async function admin(c, next) {
    const { headers } = c.req.raw;
    if (expected) {
      const shown = /^Bearer (.+)$/i.exec(headers.get("authorization") ?? "")?.[1] ?? "";
      if (!timingSafeEqual(encoder.encode(keyHash(shown)), expected)) {
        throw new GatewayError("unauthorized", "the operator's token is missing or wrong", {
          headers: { "www-authenticate": 'Bearer realm="gateway"' },
        });
      }
    } else if (
      !LOOPBACK.test(c.env.remoteAddress) || FORWARDED.some((name) => headers.has(name))
    ) {
      throw new GatewayError(
        "unauthorized",
        "this is for the operator: set GATEWAY_ADMIN_TOKEN, or ask from the gateway's own machine",
        { headers: { "www-authenticate": 'Bearer realm="gateway"' } },
      );
    }
    await next();
  };
}
