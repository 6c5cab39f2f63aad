import { GatewayError } from "../lib/core/errors.ts";
import type { Middleware } from "./env.ts";

/** The path that Deno gives a request with the target `*`, which is about the whole server. */
const WHOLE_SERVER = "/*";

/**
 * Responds to OPTIONS with the methods of the path's routes, to `OPTIONS *` with those of all routes
 * (RFC 9110 section 9.3.7).
 * @param allowedMethods empty for a path that no route matches; without a path, those of all routes
 */
export function options(allowedMethods: (pathname?: string) => string[]): Middleware {
  return async function options(c, next) {
    if (c.req.method !== "OPTIONS") return await next();
    const { path } = c.req;
    const allowed = path === WHOLE_SERVER ? allowedMethods() : allowedMethods(path);
    if (allowed.length === 0) throw new GatewayError("not-found", `no route matches ${path}`);
    return new Response(null, { status: 204, headers: { allow: allowed.join(", ") } });
  };
}
