import { timingSafeEqual } from "node:crypto";
import { keyHash } from "../lib/operator/client_directory.ts";
import { GatewayError } from "../lib/core/errors.ts";
import { forwardingHeader } from "../lib/http/forwarding_header.ts";
import { isLoopbackAddress, isLoopbackHost } from "../lib/http/loopback.ts";
import type { Exchange, Middleware } from "./env.ts";

/** Who may use the operator's routes. */
export interface AdminOptions {
  /** What the operator shows; undefined when the environment holds none. */
  readonly token: string | undefined;
  /** Whether this machine is a platform's: every request comes through its proxy then. */
  readonly isHosted: boolean;
  /** The header in which a trusted proxy names the client. */
  readonly forwardedHeader: string;
}

const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD"]);
const SAME_SITE = new Set(["same-origin", "none"]);
const CHALLENGE = { headers: { "www-authenticate": 'Bearer realm="gateway"' } };

/**
 * Lets the operator pass: who shows the token or, where there is none, who asks this machine from
 * itself, through nobody. What a page of another origin sends never passes: not by its `Origin` or
 * `Sec-Fetch-Site`, not by a name of its own that it points here, and not by a form.
 */
export function admin({ token, isHosted, forwardedHeader }: AdminOptions): Middleware {
  const encoder = new TextEncoder();
  const expected = token === undefined ? undefined : encoder.encode(keyHash(token));
  return async function admin(c, next) {
    const { headers } = c.req.raw;
    if (expected) {
      const shown = /^Bearer (.+)$/i.exec(headers.get("authorization") ?? "")?.[1] ?? "";
      if (!timingSafeEqual(encoder.encode(keyHash(shown)), expected)) {
        throw new GatewayError(
          "unauthorized",
          "the operator's token is missing or wrong",
          CHALLENGE,
        );
      }
      refuseForeignPage(c);
    } else {
      if (isHosted) throw tokenNeeded("without a token these routes are closed on a platform");
      if (!isLoopbackAddress(c.env.remoteAddress)) {
        throw tokenNeeded("without a token these routes serve the gateway's own machine alone");
      }
      const through = forwardingHeader(headers) ??
        (headers.has(forwardedHeader) ? forwardedHeader : undefined);
      if (through !== undefined) {
        throw tokenNeeded(`without a token these routes serve nobody behind a proxy (${through})`);
      }
      refuseForeignPage(c);
      refuseUnknownHost(c);
      refuseForm(c);
    }
    await next();
  };
}

function tokenNeeded(why: string): GatewayError {
  return new GatewayError(
    "unauthorized",
    `${why}: set GATEWAY_ADMIN_TOKEN and send it as "Authorization: Bearer TOKEN"`,
    CHALLENGE,
  );
}

function refuseForeignPage(c: Exchange): void {
  const { headers } = c.req.raw;
  const origin = headers.get("origin");
  const own = `${c.env.scheme}://${headers.get("host") ?? ""}`;
  if (origin !== null && origin.toLowerCase() !== own.toLowerCase()) {
    throw new GatewayError("forbidden", "a page of another origin must not use these routes");
  }
  if (!SAME_SITE.has(headers.get("sec-fetch-site") ?? "none")) {
    throw new GatewayError("forbidden", "a page of another site must not use these routes");
  }
}

/** A page whose own name was pointed here is of the same origin to its browser. */
function refuseUnknownHost(c: Exchange): void {
  const hosts = [c.req.header("host") ?? "", c.get("target").authority];
  if (hosts.every(isLoopbackHost)) return;
  throw new GatewayError(
    "forbidden",
    "without a token the Host must be localhost, an address in 127.0.0.0/8 or [::1]; " +
      "use one of them, or set GATEWAY_ADMIN_TOKEN",
  );
}

/** What changes something must carry what no form and no simple request of a page can. */
function refuseForm(c: Exchange): void {
  const { method, headers } = c.req.raw;
  if (SAFE_METHODS.has(method) || headers.has("x-gateway-operator")) return;
  if (/^application\/json\s*(?:;|$)/i.test(headers.get("content-type") ?? "")) return;
  throw new GatewayError(
    "forbidden",
    'without a token a change needs "X-Gateway-Operator: 1" or "Content-Type: application/json"',
  );
}
