import { GatewayError } from "../lib/core/errors.ts";
import { isAuthority } from "../lib/http/authority.ts";
import { hasDotSegment, parseTarget } from "../lib/http/path.ts";
import type { Middleware } from "./env.ts";

/** Where whoever checks that the gateway lives may speak any version of HTTP. */
const HEALTH = "/_gateway/health/";
/** A percent sign that encodes nothing. */
const BROKEN_ENCODING = /%(?![\da-fA-F]{2})/;

/**
 * Refuses what no path may hold, before any route is looked for: what would mean one thing here
 * and another at an upstream must not get further.
 */
export function path(): Middleware {
  return async function path(c, next) {
    const target = parseTarget(c.req.url);
    // The URL is made of the Host header: one that holds a slash would move the path along.
    if (!isAuthority(c.req.header("host") ?? "") || !isAuthority(target?.authority ?? "")) {
      throw new GatewayError("bad-request", "the Host header must be a host and a port");
    }
    if (lacksHost(c.req.raw.headers) && !target?.pathname.startsWith(HEALTH)) {
      throw new GatewayError("bad-request", "an HTTP/1.1 request must have a Host header");
    }
    if (target === undefined) {
      throw new GatewayError("bad-request", "the request target must be a path, with no fragment");
    }
    const { pathname } = target;
    if (pathname.includes("\\")) {
      throw new GatewayError("bad-request", "the path must not contain a backslash");
    }
    if (BROKEN_ENCODING.test(pathname)) {
      throw new GatewayError("bad-request", 'a "%" in the path must be followed by two hex digits');
    }
    if (hasDotSegment(pathname)) {
      throw new GatewayError("bad-request", 'the path must not contain "." or ".." segments');
    }
    c.set("target", target);
    await next();
  };
}

/**
 * Whether a request of HTTP/1.1 has no Host (RFC 9112 section 3.2). Deno does not tell the version,
 * and HTTP/1.0 and HTTP/2 need no Host. What gives HTTP/1.1 away is that it asks for the connection
 * to be closed, which 1.0 does by itself and HTTP/2 has no word for. An HTTP/1.1 request that says
 * nothing of the connection passes.
 */
function lacksHost(headers: Headers): boolean {
  if (headers.has("host")) return false;
  return /(?:^|[,\s])close(?:$|[,\s])/i.test(headers.get("connection") ?? "");
}
