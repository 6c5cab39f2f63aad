import { GatewayError } from "../lib/core/errors.ts";
import { forwardingHeader } from "../lib/http/forwarding_header.ts";
import { isLoopbackAddress, isLoopbackHost } from "../lib/http/loopback.ts";
import type { OperatorIdentity, OperatorToken } from "../lib/operator/operator_token.ts";
import { OperatorTokens } from "../lib/operator/operator_tokens.ts";
import type { Exchange } from "./exchange.ts";
import type { Middleware } from "./middleware.ts";
import type { Sessions } from "./sessions.ts";

/** Decides who may use the operator API. */
export interface AdminOptions {
  /** The operators' bearer tokens; none when the environment has none. */
  readonly tokens: readonly OperatorToken[];
  /** Whether a platform runs the gateway: every request then comes through the platform's proxy. */
  readonly isHosted: boolean;
  /** The header in which a trusted proxy names the client. */
  readonly forwardedHeader: string;
  /** The sessions of browsers, which stand for their tokens; undefined without a token. */
  readonly sessions?: Sessions | undefined;
}

const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD"]);
const SAME_SITE = new Set(["same-origin", "none"]);
const CHALLENGE = { headers: { "www-authenticate": 'Bearer realm="gateway"' } };

/** Whoever is on this machine, when no token is set. */
const LOCAL: OperatorIdentity = { name: "local", role: "operate" };

/**
 * Authorizes an operator: a request with a token or a session or, when no token is set, a request from
 * this machine that came through no proxy. A token for reading changes nothing. Requests of pages of other origins are always refused: by
 * `Origin` and `Sec-Fetch-Site`, by `Host` (DNS rebinding), and because a change needs a header that
 * no form can send.
 */
export function admin({ tokens, isHosted, forwardedHeader, sessions }: AdminOptions): Middleware {
  const known = new OperatorTokens(tokens);
  return {
    before(c) {
      const { headers } = c;
      if (tokens.length > 0) {
        const shown = /^Bearer (.+)$/i.exec(headers.get("authorization") ?? "")?.[1] ?? "";
        const bearer = known.identify(shown);
        const operator = bearer ?? sessions?.identify(headers.get("cookie"));
        if (operator === undefined) {
          throw new GatewayError(
            "unauthorized",
            "the operator's token is missing or wrong",
            CHALLENGE,
          );
        }
        c.operator = operator;
        refuseForeignPage(c);
        if (bearer === undefined) refuseUnknownPage(c);
        refuseReader(c, operator);
      } else {
        if (isHosted) throw tokenNeeded("without a token the operator API is off on Deno Deploy");
        if (!isLoopbackAddress(c.env.remoteAddress)) {
          throw tokenNeeded("without a token the operator API accepts only requests from loopback");
        }
        const through = forwardingHeader(headers) ??
          (headers.has(forwardedHeader) ? forwardedHeader : undefined);
        if (through !== undefined) {
          throw tokenNeeded(
            `without a token the operator API accepts no proxied requests (${through})`,
          );
        }
        c.operator = LOCAL;
        refuseForeignPage(c);
        refuseUnknownHost(c);
        refuseForm(c);
      }
    },
  };
}

/** @throws {GatewayError} `forbidden` for a change by one who may only read */
function refuseReader({ method }: Exchange, { name, role }: OperatorIdentity): void {
  if (role === "operate" || SAFE_METHODS.has(method)) return;
  throw new GatewayError("forbidden", `a change needs the role operate; ${name} has the role read`);
}

function tokenNeeded(why: string): GatewayError {
  return new GatewayError(
    "unauthorized",
    `${why}: set GATEWAY_ADMIN_TOKEN and send it as "Authorization: Bearer TOKEN"`,
    CHALLENGE,
  );
}

/**
 * Refuses requests of pages of another origin.
 * @throws {GatewayError} `forbidden`
 */
export function refuseForeignPage(c: Exchange): void {
  const { headers } = c;
  const origin = headers.get("origin")?.toLowerCase();
  const host = headers.get("host")?.toLowerCase() ?? "";
  // A proxy may have taken the TLS off. Only a browser says same-origin, and no page can make it lie.
  const mayBeTls = headers.get("sec-fetch-site") === "same-origin";
  const own = [`${c.env.scheme}://${host}`, ...mayBeTls ? [`https://${host}`] : []];
  if (origin !== undefined && !own.includes(origin)) {
    throw new GatewayError("forbidden", "the operator API refuses pages of another origin");
  }
  if (!SAME_SITE.has(headers.get("sec-fetch-site") ?? "none")) {
    throw new GatewayError("forbidden", "the operator API refuses pages of another site");
  }
}

/**
 * Refuses a change that a browser may have made by itself, because its cookies come along: it must say
 * which page it comes from.
 * @throws {GatewayError} `forbidden`
 */
export function refuseUnknownPage(c: Exchange): void {
  const { method, headers } = c;
  if (SAFE_METHODS.has(method) || headers.has("origin") || headers.has("sec-fetch-site")) return;
  throw new GatewayError("forbidden", "a change in a session needs an Origin or Sec-Fetch-Site");
}

/** DNS rebinding: a page whose name resolves to this machine is of the same origin to its browser. */
function refuseUnknownHost(c: Exchange): void {
  const hosts = [c.headers.get("host") ?? "", c.target.authority];
  if (hosts.every(isLoopbackHost)) return;
  throw new GatewayError(
    "forbidden",
    "without a token the Host must be localhost, an address in 127.0.0.0/8 or [::1]; " +
      "use one of them, or set GATEWAY_ADMIN_TOKEN",
  );
}

/** A change needs a header that no HTML form and no CORS-safelisted request can send. */
function refuseForm(c: Exchange): void {
  const { method, headers } = c;
  if (SAFE_METHODS.has(method) || headers.has("x-gateway-operator")) return;
  if (/^application\/json\s*(?:;|$)/i.test(headers.get("content-type") ?? "")) return;
  throw new GatewayError(
    "forbidden",
    'without a token a change needs "X-Gateway-Operator: 1" or "Content-Type: application/json"',
  );
}
