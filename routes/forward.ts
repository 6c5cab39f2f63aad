import type { Handler } from "hono";
import { Body } from "../lib/body.ts";
import { GatewayError } from "../lib/errors.ts";
import { endToEndHeaders } from "../lib/hop_by_hop.ts";
import type { HeaderKey } from "../lib/http/header_key.ts";
import { isBodiless } from "../lib/is_bodiless.ts";
import { rewriteLocation } from "../lib/location.ts";
import { limitStream, peek, readRequestBody, requestBody } from "../lib/request_body.ts";
import { Scope } from "../lib/scope.ts";
import type { Reply, Source } from "../lib/source.ts";
import type { Env, Exchange } from "../middleware/env.ts";

/** How a route forwards. */
export interface ForwardOptions {
  readonly source: Source;
  /** Where the upstream is; absent for a function. */
  readonly base?: URL;
  /** What is taken off the front of the path; empty for nothing. */
  readonly strip: string;
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
}

/** In what an upstream is told which URL the client asked for, whoever says it. */
export const TOLD_OF_TARGET = [
  "forwarded",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-prefix",
  "x-forwarded-proto",
] as const;

/** Up to here a body is sent on whole: fetch keeps the length of bytes, but sends streams chunked. */
const WHOLE_BODY_BYTES = 64 * 1024;

/** A route that passes requests on to one upstream, and its answers back, as they come. */
export function forward(options: ForwardOptions): Handler<Env> {
  return async function forward(c) {
    const ctx = c.get("ctx");
    const target = c.get("target");
    using scope = new Scope(ctx.signal);
    const body = await sentBody(c, options.maxRequestBody, scope);
    const path = (stripSegments(target.pathname, options.strip) || "/") + target.search;
    const sent = requestHeaders(c, options);
    const reply = await options.source(
      {
        method: c.req.raw.method,
        path,
        headers: sent,
        ...(body && { body }),
        // Whoever sends one expects what is for nobody else (RFC 9111 section 3.5), replaced or not.
        hasOwnAuthorization: !c.req.raw.headers.has("authorization"),
        ...(options.headerKey && { headerKey: options.headerKey.of(sent) }),
      },
      { ...ctx, signal: scope.signal },
    );
    const { status, body: answer } = reply;
    c.get("trace").isHit = reply.cached?.isHit ?? false;
    const headers = responseHeaders(reply, path, options);
    for (const name of options.ownHeaders) headers.delete(name);
    const isEmpty = isBodiless(c.req.raw.method, status);
    if (isEmpty) await answer.cancel();
    return new Response(isEmpty ? null : answer.handOn(), { status, headers });
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
    await readRequestBody(body, WHOLE_BODY_BYTES, scope.signal);
  }
  return body;
}

function requestHeaders(c: Exchange, { headers, pseudonym }: ForwardOptions): Headers {
  const { raw } = c.req;
  const sent = endToEndHeaders(raw.headers);
  const host = raw.headers.get("host") ?? c.get("target").authority; // HTTP/2 has no Host
  for (const name of ["host", "content-length", "expect"]) sent.delete(name);
  sent.append("x-forwarded-for", c.env.remoteAddress);
  sent.set("x-forwarded-proto", c.env.scheme);
  sent.set("x-forwarded-host", host);
  sent.append("via", `1.1 ${pseudonym}`);
  for (const [name, value] of Object.entries(headers)) sent.set(name, value);
  // Whatever else is asked for, fetch decodes the answer but leaves the headers of the coded one.
  sent.set("accept-encoding", "identity");
  return sent;
}

function responseHeaders(reply: Reply, path: string, options: ForwardOptions): Headers {
  const { base, strip, pseudonym } = options;
  // What a cache gives has no others left, and is a copy.
  const headers = reply.cached ? reply.headers : endToEndHeaders(reply.headers, reply.status);
  // RFC 9110 section 7.8: whoever sends Upgrade names it in Connection.
  if (headers.has("upgrade")) headers.set("connection", "upgrade");
  headers.append("via", `1.1 ${pseudonym}`);
  for (const name of ["location", "content-location"]) {
    const location = headers.get(name);
    if (location === null || base === undefined) continue;
    const rewritten = rewriteLocation(location, path, { base, strip });
    if (rewritten === undefined) headers.delete(name);
    else headers.set(name, rewritten);
  }
  return headers;
}
