import { cors as honoCors } from "hono/cors";
import { isReservedPath } from "../lib/http/reserved_path.ts";
import { parseTarget } from "../lib/http/path.ts";
import type { CorsSettings } from "../lib/config/gateway.ts";
import type { Middleware } from "./env.ts";

/** How long a browser may cache a preflight response (s). */
const MAX_AGE_S = 600;

/** The headers that decide who may read a response: with `cors` in the config, upstreams' are dropped. */
export const CORS_HEADERS: readonly string[] = [
  "access-control-allow-credentials",
  "access-control-allow-headers",
  "access-control-allow-methods",
  "access-control-allow-origin",
  "access-control-expose-headers",
  "access-control-max-age",
];

/** Response headers that a page may read besides the CORS-safelisted ones. */
const EXPOSED = [
  "Gateway-Complete",
  "Link",
  "Location",
  "RateLimit",
  "RateLimit-Policy",
  "Retry-After",
  "Server-Timing",
  "X-Request-Id",
];

/**
 * Lets pages of the configured origins read responses (the Fetch standard's CORS protocol). Responds
 * to preflights; any other OPTIONS request goes on.
 */
export function cors(
  { origins, credentials }: CorsSettings,
  allowedMethods: (pathname: string) => string[],
): Middleware {
  const handle = honoCors({
    origin: origins.includes("*") ? "*" : [...origins],
    credentials,
    allowMethods: (_origin, c) => allowedMethods(c.req.path),
    exposeHeaders: EXPOSED,
    maxAge: MAX_AGE_S,
  });
  return async function cors(c, next) {
    // A page reads the response of the batch, never of the requests in it.
    if (c.env.batch) return await next();
    // Nor may a page of another origin read the gateway's own routes.
    if (isReservedPath(parseTarget(c.req.url)?.pathname ?? "")) return await next();
    const isPreflight = c.req.header("access-control-request-method") !== undefined;
    if (c.req.method === "OPTIONS" && !isPreflight) return await next();
    return await handle(c, next);
  };
}
