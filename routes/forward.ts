import type { Handler } from "hono";
import { Body } from "../lib/core/body.ts";
import { type AddressTrust, isTrusted } from "../lib/http/client_address.ts";
import type { ClientSettings } from "../lib/config/client.ts";
import { GatewayError } from "../lib/core/errors.ts";
import { endToEndHeaders } from "../lib/http/hop_by_hop.ts";
import { type Forwarding, readForwarding, writeForwarding } from "../lib/http/forwarding.ts";
import type { HeaderKey } from "../lib/http/header_key.ts";
import { OVERRIDES, speaksForClients } from "../lib/http/removed_headers.ts";
import { toldByProxy } from "../lib/http/told_by_forward.ts";
import type { ResponseSender } from "../lib/http/response_sender.ts";
import { isBodiless } from "../lib/http/is_bodiless.ts";
import { rewriteLocation } from "../lib/http/location.ts";
import { limitStream, peek, readRequestBody, requestBody } from "../lib/http/request_body.ts";
import { Scope } from "../lib/core/scope.ts";
import type { Reply, Source } from "../lib/core/source.ts";
import type { Env, Exchange } from "../middleware/env.ts";
import { responseBody } from "./response_body.ts";

/** How a route forwards. */
export interface ForwardOptions {
  readonly source: Source;
  /** Where the upstream is; absent for a function. */
  readonly base?: URL;
  /** What is taken off the front of the path; empty for nothing. */
  readonly strip: string;
  /** Names in lower case of headers that pass although forwards remove them. */
  readonly passHeaders: ReadonlySet<string>;
  /** Where clients show the key that this gateway knows them by; absent where that passes. */
  readonly clientKey?: ClientSettings["key"] | undefined;
  /** Whom to believe about how a request came. */
  readonly trust: AddressTrust;
  /** Sent with every call. */
  readonly headers: Readonly<Record<string, string>>;
  /** Tells its calls apart; absent when nobody stores the responses. */
  readonly headerKey: HeaderKey | undefined;
  /** What this gateway calls itself in `Via`. */
  readonly pseudonym: string;
  /** Headers of an answer that the gateway alone may set. */
  readonly ownHeaders: readonly string[];
  /** The largest body that a client may send (bytes). */
  readonly maxRequestBody: number;
  readonly sender: ResponseSender;
}

/** What is said anew of each call. */
const NOT_SENT: ReadonlySet<string> = new Set(["host", "content-length", "expect"]);

/** Up to here a body is read whole first, so that a slow client holds no upstream's connection. */
const WHOLE_BODY_BYTES = 64 * 1024;

/** A route that passes requests on to one upstream, and its answers back, as they come. */
export function forward(options: ForwardOptions): Handler<Env> {
  const { headerKey } = options;
  const own = new Headers(options.headers);
  return async function forward(c) {
    const ctx = c.get("ctx");
    const target = c.get("target");
    using scope = new Scope(ctx.signal);
    const body = await sentBody(c, options.maxRequestBody, scope);
    const forwarding = forwardingOf(c, options);
    const path = (stripSegments(target.pathname, options.strip) || "/") + target.search;
    const isProxied = isTrusted(c.env.remoteAddress, options.trust);
    const sent = requestHeaders(c, forwarding, options, isProxied);
    const isKnownByBearer = options.clientKey === "bearer" && ctx.client.name !== undefined;
    const reply = await options.source(
      {
        method: c.req.raw.method,
        path,
        headers: sent,
        ...(body && { body }),
        // Whoever sends an upstream one expects what is for nobody else (RFC 9111 section 3.5), also
        // where it is replaced.
        hasOwnAuthorization: isKnownByBearer || !c.req.raw.headers.has("authorization"),
        isPersonal: sent.has("cookie") && !own.has("cookie"),
        ...(headerKey &&
          { headerKey: headerKey.of(sent, isProxied ? toldByProxy(sent) : undefined) }),
      },
      { ...ctx, signal: scope.signal },
    );
    const { status, body: answer } = reply;
    c.get("trace").isHit = reply.cached?.isHit ?? false;
    const headers = responseHeaders(reply, { path, forwarding }, options);
    for (const name of options.ownHeaders) headers.delete(name);
    const isEmpty = isBodiless(c.req.raw.method, status);
    if (isEmpty) await answer.cancel();
    const passed = isEmpty ? null : responseBody(c, answer, headers, options.sender);
    return new Response(passed, { status, headers });
  };
}

/** Takes off as many segments as the prefix has; the client may have encoded them differently. */
function stripSegments(pathname: string, prefix: string): string {
  if (prefix === "") return pathname;
  const depth = prefix.split("/").length;
  return ["", ...pathname.split("/").slice(depth)].join("/");
}

async function sentBody(c: Exchange, limit: number, scope: Scope): Promise<Body | undefined> {
  const { raw } = c.req;
  const length = raw.headers.get("content-length");
  const hasBody = (length !== null && length !== "0") || raw.headers.has("transfer-encoding");
  if ((raw.method === "GET" || raw.method === "HEAD") && hasBody) {
    throw new GatewayError(
      "not-implemented",
      `a ${raw.method} request with a body cannot be sent on`,
    );
  }
  if (raw.body === null) return undefined;
  if (length === null) {
    const stream = await peek(limitStream(raw.body, limit, (error) => scope.cancel(error)), scope);
    return stream && Body.from({ stream });
  }
  const body = requestBody(raw);
  if (body && Number(length) <= WHOLE_BODY_BYTES) {
    c.get("ctx").buffers?.hold(body);
    await readRequestBody(body, WHOLE_BODY_BYTES, scope.signal);
  }
  return body;
}

function forwardingOf(c: Exchange, { trust, strip }: ForwardOptions): Forwarding {
  const { remoteAddress: peer, scheme } = c.env;
  // HTTP/2 has no Host, and a target in absolute form goes before it (RFC 9112 section 3.2.2).
  const host = c.get("target").authority;
  const told = readForwarding(c.req.raw.headers, { peer, scheme, host }, trust);
  return strip === "" ? told : { ...told, prefix: told.prefix.replace(/\/$/, "") + strip };
}

function requestHeaders(
  c: Exchange,
  forwarding: Forwarding,
  options: ForwardOptions,
  isProxied: boolean,
): Headers {
  const { headers, passHeaders, clientKey, pseudonym, trust } = options;
  const isRemoved = (name: string) =>
    NOT_SENT.has(name) || (!passHeaders.has(name) &&
      (OVERRIDES.has(name) || (!isProxied && speaksForClients(name))));
  const sent = endToEndHeaders(c.req.raw.headers, { isRemoved });
  if (typeof clientKey === "object") sent.delete(clientKey.header);
  // A token that this gateway does not know is the upstream's.
  if (clientKey === "bearer" && c.get("ctx").client.name !== undefined) {
    sent.delete("authorization");
  }
  if (c.get("trace").traceparent === undefined) {
    for (const name of ["traceparent", "tracestate"]) sent.delete(name);
  }
  writeForwarding(sent, forwarding, trust);
  sent.append("via", `1.1 ${pseudonym}`);
  for (const [name, value] of Object.entries(headers)) sent.set(name, value);
  // Coded responses pass through, but fetch would decode them on the way.
  sent.set("accept-encoding", "identity");
  return sent;
}

function responseHeaders(
  reply: Reply,
  { path, forwarding: { scheme, host, prefix } }: { path: string; forwarding: Forwarding },
  options: ForwardOptions,
): Headers {
  const { base, strip, pseudonym } = options;
  // What a cache gives has no others left, and is a copy.
  const headers = reply.cached
    ? reply.headers
    : endToEndHeaders(reply.headers, { status: reply.status });
  // RFC 9110 section 7.8: whoever sends Upgrade names it in Connection.
  if (headers.has("upgrade")) headers.set("connection", "upgrade");
  headers.append("via", `1.1 ${pseudonym}`);
  for (const name of ["location", "content-location"]) {
    const location = headers.get(name);
    if (location === null || base === undefined) continue;
    const rewritten = rewriteLocation(location, path, {
      base,
      strip,
      asked: `${scheme}://${host}`,
      prefix,
    });
    if (rewritten === undefined) headers.delete(name);
    else headers.set(name, rewritten);
  }
  return headers;
}
