import { GatewayError } from "../lib/errors.ts";
import type { Middleware } from "./env.ts";

/**
 * Answers OPTIONS with the methods that the path has.
 * @param allowedMethods none for a path that no route has
 */
export function options(allowedMethods: (pathname: string) => string[]): Middleware {
  return async function options(c, next) {
    if (c.req.method !== "OPTIONS") return await next();
    const allowed = allowedMethods(c.req.path);
    if (allowed.length === 0) throw new GatewayError("not-found", `no route is at ${c.req.path}`);
    return new Response(null, { status: 204, headers: { allow: allowed.join(", ") } });
  };
}
