import { GatewayError } from "../lib/core/errors.ts";
import { isAuthority } from "../lib/http/authority.ts";
import { hasDotSegment } from "../lib/http/path.ts";
import type { Middleware } from "./middleware.ts";

/** Health checks may use any version of HTTP. */
const HEALTH = "/_gateway/health/";
/** What only a path that needs a closer look contains. */
const UNUSUAL = /[\\%]|\/\./;
/** A percent sign without two hex digits. */
const BROKEN_ENCODING = /%(?![\da-fA-F]{2})/;

/**
 * Refuses malformed hosts and paths before the router runs: what means one thing here and another at
 * an upstream must not get further.
 */
export function path(): Middleware {
  return {
    before(c) {
      const target = c.maybeTarget;
      const host = c.headers.get("host");
      const authority = target?.authority ?? "";
      // Deno builds the URL from the Host header: a slash in it would become part of the path.
      if (!isAuthority(authority) || (host !== null && host !== authority && !isAuthority(host))) {
        throw new GatewayError("bad-request", "the Host header must be a host and a port");
      }
      if (host === null && closes(c.headers) && !target?.pathname.startsWith(HEALTH)) {
        throw new GatewayError("bad-request", "an HTTP/1.1 request must have a Host header");
      }
      if (target === undefined) {
        throw new GatewayError(
          "bad-request",
          "the request target must be a path, with no fragment",
        );
      }
      const { pathname } = target;
      if (!UNUSUAL.test(pathname)) return;
      if (pathname.includes("\\")) {
        throw new GatewayError("bad-request", "the path must not contain a backslash");
      }
      if (BROKEN_ENCODING.test(pathname)) {
        throw new GatewayError(
          "bad-request",
          'a "%" in the path must be followed by two hex digits',
        );
      }
      if (hasDotSegment(pathname)) {
        throw new GatewayError("bad-request", 'the path must not contain "." or ".." segments');
      }
    },
  };
}

/**
 * Whether a request without Host is HTTP/1.1, which needs one (RFC 9112 section 3.2). Deno hides the
 * HTTP version, and HTTP/1.0 and HTTP/2 need no Host. `Connection: close` gives HTTP/1.1 away: 1.0
 * closes by default, and HTTP/2 has no such header. An HTTP/1.1 request without it passes.
 */
function closes(headers: Headers): boolean {
  return /(?:^|[,\s])close(?:$|[,\s])/i.test(headers.get("connection") ?? "");
}
