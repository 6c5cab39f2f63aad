import { FieldList } from "../lib/core/field_list.ts";
import { isReservedPath } from "../lib/http/reserved_path.ts";
import type { CorsSettings } from "../lib/config/gateway.ts";
import type { Exchange } from "./exchange.ts";
import type { Middleware } from "./middleware.ts";
import { ResponseDraft } from "./response_draft.ts";

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
].join(",");

/**
 * Lets pages of the configured origins read responses (the Fetch standard's CORS protocol). Responds
 * to preflights; any other OPTIONS request goes on.
 */
export function cors(
  { origins, credentials }: CorsSettings,
  allowedMethods: (pathname: string) => string[],
): Middleware {
  const isOpen = origins.includes("*");
  const grant = (c: Exchange, headers: Headers) => {
    const origin = c.headers.get("origin") ?? "";
    if (isOpen) headers.set("access-control-allow-origin", "*");
    else if (origins.includes(origin)) headers.set("access-control-allow-origin", origin);
    if (!isOpen) headers.append("vary", "Origin");
    if (credentials) headers.set("access-control-allow-credentials", "true");
    headers.set("access-control-expose-headers", EXPOSED);
  };
  return {
    before(c) {
      if (!isPreflight(c) || !isReadable(c)) return;
      const headers = new FieldList();
      grant(c, headers);
      headers.set("access-control-max-age", String(MAX_AGE_S));
      const methods = allowedMethods(c.path);
      if (methods.length > 0) headers.set("access-control-allow-methods", methods.join(","));
      const asked = c.headers.get("access-control-request-headers") ?? "";
      if (asked !== "") {
        const names = asked.split(",").map((name) => name.trim());
        headers.set("access-control-allow-headers", names.join(","));
        headers.append("vary", "Access-Control-Request-Headers");
      }
      return new ResponseDraft(null, { status: 204, headers });
    },
    after(c, { headers }) {
      const isOptions = c.method === "OPTIONS" && !isPreflight(c);
      if (!isOptions && isReadable(c)) grant(c, headers);
    },
  };
}

function isPreflight({ method, headers }: Exchange): boolean {
  return method === "OPTIONS" && headers.has("access-control-request-method");
}

/**
 * Whether a page of another origin may read the response: it reads the response of a batch, never of
 * the requests in it, and none of the gateway's own routes.
 */
function isReadable({ env, maybeTarget }: Exchange): boolean {
  return !env.batch && !isReservedPath(maybeTarget?.pathname ?? "");
}
