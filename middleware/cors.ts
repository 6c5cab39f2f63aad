import { FieldList } from "../lib/core/field_list.ts";
import { originMatcher } from "../lib/http/origin_patterns.ts";
import { isReservedPath } from "../lib/http/reserved_path.ts";
import type { CorsSettings } from "../lib/config/cors.ts";
import type { Exchange } from "./exchange.ts";
import type { Middleware } from "./middleware.ts";
import { preflightMethod } from "./preflight_method.ts";
import { ResponseDraft } from "./response_draft.ts";

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

/** What the cross-origin access of a request depends on. */
export interface CorsOptions {
  /** The access to responses; undefined: none. */
  readonly access: CorsSettings | undefined;
  /** The access that a preflight asks for, by the method and path of the request that it is about. */
  readonly accessTo: (method: string, path: string) => CorsSettings | undefined;
  readonly allowedMethods: (pathname: string) => string[];
  /** Whether the request matches a route for OPTIONS. */
  readonly isOptions: boolean;
}

/**
 * Lets pages of the configured origins read responses (the Fetch standard's CORS protocol). Responds
 * to preflights for routes with `cors`; any other OPTIONS request goes on.
 */
export function cors({ access, accessTo, allowedMethods, isOptions }: CorsOptions): Middleware {
  return {
    before(c) {
      const method = isReadable(c) ? preflightMethod(c) : undefined;
      const asked = method === undefined ? undefined : accessTo(method, c.path);
      if (asked === undefined) return;
      const headers = new FieldList();
      grant(c, asked, headers);
      headers.set("access-control-max-age", String(Math.trunc(asked.maxAgeMs / 1000)));
      const methods = allowedMethods(c.path);
      if (methods.length > 0) headers.set("access-control-allow-methods", methods.join(","));
      const fields = c.headers.get("access-control-request-headers") ?? "";
      if (fields !== "") {
        const names = fields.split(",").map((name) => name.trim());
        headers.set("access-control-allow-headers", names.join(","));
        headers.append("vary", "Access-Control-Request-Headers");
      }
      return new ResponseDraft(null, { status: 204, headers });
    },
    after(c, { headers }) {
      if (access === undefined || !isReadable(c)) return;
      // What follows from a preflight is decided with it, here or by the upstream. Without a route, any
      // other OPTIONS is no page's business.
      const isGranted = c.method !== "OPTIONS" || (isOptions && preflightMethod(c) === undefined);
      if (isGranted) grant(c, access, headers);
    },
  };
}

/** Whose pages may read responses. */
interface Origins {
  readonly isOpen: boolean;
  readonly allows: (origin: string) => boolean;
}

const compiled = new WeakMap<CorsSettings, Origins>();

function originsOf(access: CorsSettings): Origins {
  const known = compiled.get(access);
  if (known) return known;
  const { origins } = access;
  const made = { isOpen: origins.includes("*"), allows: originMatcher(origins) };
  compiled.set(access, made);
  return made;
}

function grant(c: Exchange, access: CorsSettings, headers: Headers): void {
  const { isOpen, allows } = originsOf(access);
  const { credentials, expose } = access;
  const origin = c.headers.get("origin") ?? "";
  if (isOpen) headers.set("access-control-allow-origin", "*");
  else if (allows(origin)) headers.set("access-control-allow-origin", origin);
  if (!isOpen) headers.append("vary", "Origin");
  if (credentials) headers.set("access-control-allow-credentials", "true");
  headers.set("access-control-expose-headers", [...EXPOSED, ...expose].join(","));
}

/**
 * Whether a page of another origin may read the response: it reads the response of a batch, never of
 * the requests in it, and none of the gateway's own routes.
 */
function isReadable({ env, maybeTarget }: Exchange): boolean {
  return !env.batch && !isReservedPath(maybeTarget?.pathname ?? "");
}
