import { GatewayError } from "../lib/core/errors.ts";
import type { Middleware } from "./env.ts";

/** What Deno makes of the target `*`, which asks about the server as a whole. */
const WHOLE_SERVER = "/*";

/**
 * Answers OPTIONS with the methods that the path has; `OPTIONS *` with those that any path has
 * (RFC 9110 section 9.3.7).
 * @param allowedMethods none for a path that no route has; without a path, those of all routes
 */
export function options(allowedMethods: (pathname?: string) => string[]): Middleware {
  return async function options(c, next) {
    if (c.req.method !== "OPTIONS") return await next();
    const { path } = c.req;
    const allowed = path === WHOLE_SERVER ? allowedMethods() : allowedMethods(path);
    if (allowed.length === 0) throw new GatewayError("not-found", `no route is at ${path}`);
    return new Response(null, { status: 204, headers: { allow: allowed.join(", ") } });
  };
}
