import { cors as honoCors } from "hono/cors";
import { isReservedPath } from "../lib/http/reserved_path.ts";
import { parseTarget } from "../lib/http/path.ts";
import type { CorsSettings } from "../lib/config/gateway.ts";
import type { Middleware } from "./env.ts";

/** How long a browser may remember a preflight's answer (s). */
const MAX_AGE_S = 600;

/** What decides who may read an answer: where the config does, no upstream has a say. */
export const CORS_HEADERS: readonly string[] = [
  "access-control-allow-credentials",
  "access-control-allow-headers",
  "access-control-allow-methods",
  "access-control-allow-origin",
  "access-control-expose-headers",
  "access-control-max-age",
];

/** Headers of an answer that a page may read besides the few that every page may. */
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
 * Lets pages of other origins read the answers, after the Fetch standard's CORS protocol.
 * Preflights are answered here; an OPTIONS that is none goes on.
 */
export function cors(
  { origins, credentials }: CorsSettings,
  allowedMethods: (pathname: string) => string[],
): Middleware {
  const answer = honoCors({
    origin: origins.includes("*") ? "*" : [...origins],
    credentials,
    allowMethods: (_origin, c) => allowedMethods(c.req.path),
    exposeHeaders: EXPOSED,
    maxAge: MAX_AGE_S,
  });
  return async function cors(c, next) {
    // The page reads the batch; its requests are nothing that a page reads.
    if (c.env.batch) return await next();
    // Nor does any page of another origin read the gateway's own routes.
    if (isReservedPath(parseTarget(c.req.url)?.pathname ?? "")) return await next();
    const isPreflight = c.req.header("access-control-request-method") !== undefined;
    if (c.req.method === "OPTIONS" && !isPreflight) return await next();
    return await answer(c, next);
  };
}
