import { Body } from "../lib/core/body.ts";
import type { Bytes } from "../lib/core/bytes.ts";
import { contentKey } from "../lib/core/content_key.ts";
import { type AddressTrust, isTrusted } from "../lib/http/client_address.ts";
import type { ClientSettings } from "../lib/config/client.ts";
import { GatewayError } from "../lib/core/errors.ts";
import { endToEndHeaders, type PassOptions } from "../lib/http/hop_by_hop.ts";
import { type Forwarding, readForwarding, writeForwarding } from "../lib/http/forwarding.ts";
import type { HeaderKey } from "../lib/http/header_key.ts";
import { isRemovedHeader } from "../lib/http/removed_headers.ts";
import { keyedClientHeaders, keyedProxyHeaders } from "../lib/http/keyed_headers.ts";
import type { ResponseCoder } from "../lib/coding/response_coder.ts";
import type { ResponseSender } from "../lib/http/response_sender.ts";
import { isBodiless } from "../lib/http/is_bodiless.ts";
import { rewriteLocation } from "../lib/http/location.ts";
import { countForward } from "../lib/http/max_forwards.ts";
import { differingPrefixes, rewriteSetCookie } from "../lib/http/set_cookie.ts";
import { limitStream, peek, readRequestBody, requestBody } from "../lib/http/request_body.ts";
import { FieldList } from "../lib/core/field_list.ts";
import { memoizePredicate } from "../lib/core/memoize_predicate.ts";
import type { ForwardPath } from "../lib/config/forward_path.ts";
import { changeHeaders, type HeaderRules } from "../lib/template/change_headers.ts";
import { Inputs } from "../lib/template/inputs.ts";
import { Scope } from "../lib/core/scope.ts";
import type { Context, Reply, Source } from "../lib/core/source.ts";
import type { Exchange } from "../middleware/exchange.ts";
import type { Endpoint } from "../middleware/middleware.ts";
import { preflightMethod } from "../middleware/preflight_method.ts";
import { ResponseDraft } from "../middleware/response_draft.ts";
import { codedBody, responseBody } from "./response_body.ts";
import type { WebSockets } from "./web_socket.ts";
import { wholeContent } from "./whole_content.ts";

/** A forward route's upstream, and what is changed on the way. */
export interface ForwardOptions {
  readonly source: Source;
  /** The upstream's base URL; absent for a function. */
  readonly base?: URL;
  /** The origins of the upstream's other targets. */
  readonly otherOrigins?: readonly string[];
  /** The prefix that is removed from the path; empty for none. */
  readonly strip: string;
  /** The path to send; absent: the client's. */
  readonly sentPath?: ForwardPath | undefined;
  /** How many segments of the client's path are before its rest, which `*` matched. */
  readonly fixedSegments: number;
  /** Changes to the headers of requests and responses; absent: none. */
  readonly request?: HeaderRules | undefined;
  readonly response?: HeaderRules | undefined;
  /** Whether cookies of the upstream are mapped to the client's URLs. */
  readonly rewriteCookies: boolean;
  /** Lower-case names of headers that pass although forwards remove them by default. */
  readonly passHeaders: ReadonlySet<string>;
  /** The client's headers with credentials for this gateway, in lower case, which are removed. */
  readonly credentials: readonly string[];
  /** Where clients send their key for this gateway, which is removed; absent where it passes. */
  readonly clientKey?: ClientSettings["key"] | undefined;
  /** The proxies whose forwarding headers are trusted. */
  readonly trust: AddressTrust;
  /** Sent with every call. */
  readonly headers: Readonly<Record<string, string>>;
  /** The cache key's headers; absent when no response is stored. */
  readonly headerKey: HeaderKey | undefined;
  /** Whether the client's other headers are part of the key, too. */
  readonly keysClientHeaders: boolean;
  /** The gateway's name in `Via`. */
  readonly pseudonym: string;
  /** Response headers that only the gateway may set: an upstream's are dropped. */
  readonly ownHeaders: readonly string[];
  /** The largest body that a client may send (bytes). */
  readonly maxRequestBody: number;
  readonly sender: ResponseSender;
  /** Whether the upstream may choose a coding for the client, which is then passed on. */
  readonly passesCodings: boolean;
  /** Compresses responses; absent if the route does not. */
  readonly coder: ResponseCoder | undefined;
  /** Passes WebSocket connections on; undefined if the route takes none. */
  readonly webSockets: WebSockets | undefined;
}

/** Headers of the client's request that are written anew for the call. */
const NOT_SENT: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "expect",
  "traceparent",
  "tracestate",
]);

/** Headers of a response that name a URL of the upstream. */
const LOCATIONS = ["location", "content-location"] as const;

/** Bodies up to this size are read first, so that a slow client holds no connection to the upstream. */
const WHOLE_BODY_BYTES = 64 * 1024;

/** Handles a forward route: streams the request to one upstream, and its response back. */
export function forward(options: ForwardOptions): Endpoint {
  const { headerKey, webSockets } = options;
  const headersOf = requestHeaders(options);
  const own = FieldList.of(options.headers);
  const hasTemplates = Boolean(options.sentPath ?? options.request ?? options.response);
  /** @param query the content of a QUERY whose response may be stored */
  async function send(
    c: Exchange,
    body: Body | undefined,
    ctx: Context,
    query?: Bytes,
  ): Promise<ResponseDraft> {
    const { target } = c;
    const forwarding = forwardingOf(c, options);
    const inputs = hasTemplates ? inputsOf(c) : undefined;
    const pathname = pathOf(target.pathname, options, inputs);
    const path = pathname + target.search;
    const isProxied = isTrusted(c.env.remoteAddress, options.trust);
    const sent = headersOf(c, forwarding, isProxied);
    if (c.method === "OPTIONS") countForward(sent);
    if (inputs && options.request) changeHeaders(sent, options.request, inputs);
    const isKnownByBearer = options.clientKey === "bearer" && ctx.client.name !== undefined;
    const webSocket = webSockets?.offer(c, forwarding.host);
    const source = webSocket && webSockets ? webSockets.source : options.source;
    const reply = await source(
      {
        method: c.method,
        path,
        headers: sent,
        body,
        contentKey: query && contentKey("QUERY", sent, query),
        // A client that sends Authorization expects a private response (RFC 9111 section 3.5), also
        // where the upstream's own headers replace it.
        hasOwnAuthorization: isKnownByBearer || !c.headers.has("authorization"),
        isPersonal: sent.has("cookie") && !own.has("cookie"),
        headerKey: headerKey?.of(sent, [
          ...isProxied ? keyedProxyHeaders(sent) : [],
          ...options.keysClientHeaders ? keyedClientHeaders(sent) : [],
        ]),
        webSocket,
      },
      ctx,
    );
    const { status, body: replyBody } = reply;
    c.trace.cached = reply.cached;
    c.trace.isHit = reply.cached?.isHit ?? false;
    const headers = responseHeaders(reply, { path, forwarding }, options);
    if (options.rewriteCookies && headers.has("set-cookie")) {
      rewriteCookies(headers, { pathname, received: target.pathname, forwarding }, options);
    }
    // A preflight that the gateway has not responded to is the upstream's to decide.
    if (preflightMethod(c) === undefined) {
      for (const name of options.ownHeaders) headers.delete(name);
    }
    if (inputs && options.response) changeHeaders(headers, options.response, inputs);
    if (reply.webSocket && webSockets) return webSockets.join(c, reply.webSocket, headers);
    const coding = codedBody(c, { ...reply, headers }, options.coder);
    const coded = coding instanceof Promise ? await coding : coding;
    const isEmpty = coded === null || isBodiless(c.method, status);
    if (isEmpty) await replyBody.cancel();
    const passed = isEmpty ? null : responseBody(c, coded, headers, options.sender);
    return new ResponseDraft(passed, { status, headers });
  }
  async function sendBody(c: Exchange): Promise<ResponseDraft> {
    using scope = new Scope(c.ctx.signal);
    const ctx = { ...c.ctx, signal: scope.signal };
    if (headerKey && c.method === "QUERY") {
      const body = requestBody(c.request);
      const content = body && await wholeContent(c, body, options.maxRequestBody);
      return await send(c, body, ctx, content);
    }
    return await send(c, await sentBody(c, options.maxRequestBody, scope), ctx);
  }
  return function forward(c) {
    return hasBody(c) ? sendBody(c) : send(c, undefined, c.ctx);
  };
}

function inputsOf({ method, headers, params, target, ctx }: Exchange): Inputs {
  const path = target.pathname + target.search;
  return new Inputs({ method, path, headers, params, claims: ctx.client.claims }, undefined);
}

/** The path to send, without the query. */
function pathOf(
  pathname: string,
  { sentPath, strip, fixedSegments }: ForwardOptions,
  inputs: Inputs | undefined,
): string {
  if (sentPath === undefined || inputs === undefined) return stripSegments(pathname, strip) || "/";
  const { before, after } = sentPath;
  if (after === undefined) return before.expand(inputs);
  // The rest is passed on as it came; the gateway has refused dot segments in it.
  const rest = pathname.split("/").slice(fixedSegments + 1).join("/");
  return before.expand(inputs) + rest + after.expand(inputs);
}

/** Removes as many segments as the prefix has; the client may have encoded them differently. */
function stripSegments(pathname: string, prefix: string): string {
  if (prefix === "") return pathname;
  const depth = prefix.split("/").length;
  return ["", ...pathname.split("/").slice(depth)].join("/");
}

function hasBody({ method, headers, request }: Exchange): boolean {
  if (method !== "GET" && method !== "HEAD") return request.body !== null;
  const length = headers.get("content-length");
  if ((length === null || length === "0") && !headers.has("transfer-encoding")) return false;
  throw new GatewayError(
    "not-implemented",
    `a ${method} request with a body cannot be forwarded`,
  );
}

async function sentBody(c: Exchange, limit: number, scope: Scope): Promise<Body | undefined> {
  const { headers, request } = c;
  const length = headers.get("content-length");
  if (request.body === null) return undefined;
  if (length === null) {
    const limited = limitStream(request.body, limit, (error) => scope.cancel(error));
    const stream = await peek(limited, scope);
    return stream && Body.from({ stream });
  }
  const body = requestBody(request);
  if (body && Number(length) <= WHOLE_BODY_BYTES) {
    c.ctx.buffers?.hold(body);
    await readRequestBody(body, WHOLE_BODY_BYTES, scope.signal);
  }
  return body;
}

function forwardingOf(c: Exchange, { trust, strip }: ForwardOptions): Forwarding {
  const { remoteAddress: peer, scheme } = c.env;
  // HTTP/2 has no Host, and a target in absolute form overrides it (RFC 9112 section 3.2.2).
  const host = c.target.authority;
  const read = readForwarding(c.headers, { peer, scheme, host }, trust);
  return strip === "" ? read : { ...read, prefix: read.prefix.replace(/\/$/, "") + strip };
}

/** Makes the function that returns the headers of a call. */
function requestHeaders(options: ForwardOptions) {
  const { headers, passHeaders, clientKey, pseudonym, trust, passesCodings } = options;
  const keyHeader = typeof clientKey === "object" ? clientKey.header : undefined;
  const credentials = new Set(options.credentials);
  const passing = (isProxied: boolean): PassOptions => ({
    isRemoved: memoizePredicate((name) =>
      NOT_SENT.has(name) || name === keyHeader || credentials.has(name) ||
      (!passHeaders.has(name) && isRemovedHeader(name, isProxied))
    ),
  });
  const [proxied, direct] = [passing(true), passing(false)];
  const own = FieldList.of(headers).pairs();
  const via = `1.1 ${pseudonym}`;
  return (c: Exchange, forwarding: Forwarding, isProxied: boolean): FieldList => {
    const sent = endToEndHeaders(c.headers, isProxied ? proxied : direct);
    // A token that this gateway does not know is for the upstream.
    if (clientKey === "bearer" && c.ctx.client.name !== undefined) sent.delete("authorization");
    writeForwarding(sent, forwarding, trust);
    sent.add("via", via);
    for (const [name, value] of own) sent.put(name, value);
    // Any coding may pass through, but fetch would decode it, and a batch needs the content. What is
    // stored has no coding, so that it serves every client.
    const accepted = passesCodings && !c.env.batch ? c.headers.get("accept-encoding") : null;
    sent.put("accept-encoding", accepted ?? "identity");
    return sent;
  };
}

/** Maps the upstream's cookies to the client's URLs. */
function rewriteCookies(
  headers: Headers,
  { pathname, received, forwarding: { host, prefix } }: {
    readonly pathname: string;
    readonly received: string;
    readonly forwarding: Forwarding;
  },
  { base, otherOrigins = [], sentPath, strip }: ForwardOptions,
): void {
  if (base === undefined) return;
  const basePath = base.pathname.replace(/\/$/, "");
  const outer = prefix.slice(0, prefix.length - strip.length).replace(/\/$/, "");
  const prefixes = sentPath
    ? differingPrefixes(basePath + pathname, outer + received)
    : { sent: basePath, received: outer + strip };
  const hosts = [base.origin, ...otherOrigins].map((origin) => new URL(origin).hostname);
  const requested = URL.parse(`http://${host}`)?.hostname ?? "";
  const mapping = { ...prefixes, path: pathname, prefix, hosts, requested };
  const cookies = headers.getSetCookie();
  headers.delete("set-cookie");
  for (const cookie of cookies) headers.append("set-cookie", rewriteSetCookie(cookie, mapping));
}

function responseHeaders(
  reply: Reply,
  { path, forwarding: { scheme, host, prefix } }: { path: string; forwarding: Forwarding },
  options: ForwardOptions,
): FieldList {
  const { base, otherOrigins = [], strip, pseudonym } = options;
  // A cached reply has end-to-end headers only, and they are a copy.
  const headers = reply.cached && reply.headers instanceof FieldList
    ? reply.headers
    : endToEndHeaders(reply.headers, reply);
  // RFC 9110 section 7.8: Upgrade must be named in Connection.
  if (headers.has("upgrade")) headers.set("connection", "upgrade");
  headers.add("via", `1.1 ${pseudonym}`);
  for (const name of LOCATIONS) {
    const location = headers.get(name);
    if (location === null || base === undefined) continue;
    const rewritten = rewriteLocation(location, path, {
      base,
      otherOrigins,
      strip,
      requested: `${scheme}://${host}`,
      prefix,
    });
    if (rewritten === undefined) headers.delete(name);
    else headers.set(name, rewritten);
  }
  return headers;
}
