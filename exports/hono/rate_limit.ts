import { ConfigError } from "../../lib/config/config_error.ts";
import {
  type KeySource,
  type LimitConfig,
  type LimitSettings,
  readLimit,
  type Refund,
} from "../../lib/config/limit.ts";
import { Reader } from "../../lib/config/reader.ts";
import { type Clock, systemClock } from "../../lib/core/clock.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import { isRecord } from "../../lib/core/is_record.ts";
import { type AddressRange, parseRange } from "../../lib/http/address.ts";
import { clientAddress } from "../../lib/http/client_address.ts";
import { cookieOf } from "../../lib/http/cookie.ts";
import { problemOf } from "../../lib/http/problem.ts";
import { type BucketIdentity, bucketSubject, chargeOf } from "../../lib/limiter/bucket_key.ts";
import type { ChargedBucket } from "../../lib/limiter/limit.ts";
import {
  legacyHeaders,
  type LimitHeader,
  limitHeaders,
  policyHeaders,
  quotaExceeded,
} from "../../lib/limiter/limit_headers.ts";
import type { HonoContext } from "./hono_context.ts";
import { type OpenLimiter, openLimiter } from "./open_limiter.ts";

/** What identifies a client of a Hono app: what a request has, or what a function returns. */
export type RateLimitKey<C extends HonoContext = HonoContext> =
  | Exclude<KeySource, "client" | `claim:${string}`>
  | ((c: C) => string | undefined | Promise<string | undefined>);

/** Options of {@linkcode rateLimit}. All but `rate` and `burst` have a default. */
export interface RateLimitOptions<C extends HonoContext = HonoContext>
  extends Omit<LimitConfig, "by" | "tiers" | "perRoute" | "legacyHeaders"> {
  /** The limit's name, in headers and in the store. Default: `default`. */
  readonly name?: string;
  /**
   * What identifies a client: the first of these that a request has. A function whose client is unknown
   * returns undefined. Default: `ip`, which also counts requests that have none of them.
   */
  readonly by?: RateLimitKey<C> | readonly RateLimitKey<C>[];
  /** The tokens that a request takes. Default: 1. */
  readonly cost?: number | ((c: C) => number | Promise<number>);
  /** Whether a request is not counted at all. Default: each is. */
  readonly skip?: (c: C) => boolean | Promise<boolean>;
  /** Responds to a denied request. Default: a problem document (RFC 9457) with status 429. */
  readonly onDenied?: (c: C, denied: DeniedRequest) => Response | Promise<Response>;
  /**
   * Where buckets are: an open Deno KV, which is left open, or where it is to be opened (a file or a KV
   * Connect URL). All processes on it share the limit. Default: `:memory:`, this process's own.
   */
  readonly store?: Deno.Kv | string;
  /** The proxies whose `forwardedHeader` is believed: `["10.0.0.0/8"]`. Default: none. */
  readonly trustedProxies?: readonly string[];
  /** The header in which they name the client. Default: `x-forwarded-for`. */
  readonly forwardedHeader?: string;
  /** Also sends `X-RateLimit-Limit`, `-Remaining` and `-Reset`. Default: false. */
  readonly legacyHeaders?: boolean;
  /** The clock. Default: the system's. */
  readonly clock?: Clock;
}

/** A request that was denied. */
export interface DeniedRequest {
  /** The limit's name. */
  readonly limit: string;
  /** After how many seconds a client alone on its bucket is admitted, at least 1. */
  readonly retryAfterSeconds: number;
}

/** The middleware. Disposing it closes what it has opened. */
export type RateLimitMiddleware<C extends HonoContext = HonoContext> = AsyncDisposable & {
  /** Handles a request, as Hono's `MiddlewareHandler`. */
  (c: C, next: () => Promise<void>): Promise<Response | void>;
  /** Writes what must not be lost, such as leases to return, and closes a store that it has opened. */
  close(): Promise<void>;
};

const UNKNOWN = "unknown";
/** The prefix by which IPv6 addresses count: a customer's network (bits). */
const IPV6_PREFIX = 64;
/** How long a decision may take beyond the limit's `wait` (ms). */
const DECISION_MS = 2_000;

/**
 * Limits the requests of each client with a token bucket: `burst` at once, then `rate`. It never admits
 * more, with any number of processes on one store.
 *
 * Responses have `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers), a denied
 * request an honest `Retry-After`. Clients are told apart by their address, which comes from what
 * `Deno.serve` passes to the app; where it passes none, all count as one.
 *
 * @throws {ConfigError} for invalid options, with every problem
 *
 * @example
 * ```ts
 * import { rateLimit } from "sluice/hono";
 * import { Hono } from "hono";
 *
 * const app = new Hono();
 * app.use(rateLimit({ rate: "100/min", burst: 20 }));
 * app.get("/", (c) => c.text("hello"));
 *
 * const response = await app.request("/");
 * console.log(response.headers.get("ratelimit")); // "default";r=19;t=1
 * ```
 */
export function rateLimit<C extends HonoContext = HonoContext>(
  options: RateLimitOptions<C>,
): RateLimitMiddleware<C> {
  const { cost = 1, skip, onDenied, store = ":memory:", clock = systemClock } = options;
  const { limit, trust } = read(options);
  const keys = options.by === undefined ? [] : [options.by].flat();
  const policy = policyHeaders([limit]).get(undefined) ?? "";
  let opened: Promise<OpenLimiter> | undefined;
  const open = () => opened ??= openLimiter(store, clock);
  const reported = (buckets: readonly ChargedBucket[]): readonly LimitHeader[] => [
    ...limitHeaders(policy, buckets),
    ...limit.legacyHeaders ? legacyHeaders(buckets, new Set([limit.name]), clock.wall()) : [],
  ];

  async function limitRate(c: C, next: () => Promise<void>): Promise<Response | void> {
    if (await skip?.(c)) return await next();
    const tokens = typeof cost === "function" ? await cost(c) : cost;
    const owner: BucketIdentity = {
      limit,
      tier: undefined,
      route: "",
      subject: await subjectOf(c, keys, () => addressOf(c, trust)),
    };
    const { limiter } = await open();
    const decision = await limiter.take([chargeOf(owner, tokens)], {
      signal: c.req.raw.signal,
      deadline: clock.monotonic() + limit.allowance.waitMs + DECISION_MS,
    });
    if (decision.outcome === "unavailable") {
      const detail = "the limits cannot be checked";
      const headers = { "retry-after": "1" };
      return problem(new GatewayError("limiter-unavailable", detail, { headers }));
    }
    const headers = reported(decision.buckets);
    if (decision.outcome === "denied") {
      const error = quotaExceeded(decision, headers);
      if (onDenied === undefined) return problem(error);
      const retryAfterSeconds = Number(error.headers["retry-after"] ?? 1);
      return withHeaders(
        await onDenied(c, { limit: limit.name, retryAfterSeconds }),
        [["retry-after", String(retryAfterSeconds)], ...headers],
      );
    }
    await next();
    for (const [name, value] of headers) c.header(name, value);
    const reason: Refund | undefined = c.res.status >= 500
      ? "fault"
      : c.res.status < 400
      ? "success"
      : undefined;
    if (reason && limit.refund.has(reason)) decision.refund(() => true);
  }

  const close = async () => {
    const open = await opened;
    await open?.close();
  };
  return Object.assign(limitRate, { close, [Symbol.asyncDispose]: close });
}

/** Reads the options as the limit of a gateway's config is read. */
function read(options: Omit<RateLimitOptions, "by" | "cost" | "skip" | "onDenied">): {
  readonly limit: LimitSettings;
  readonly trust: { readonly proxies: readonly AddressRange[]; readonly header: string };
} {
  const { name = "default", rate, burst, wait, queue, onStoreFailure, refund } = options;
  const { trustedProxies = [], forwardedHeader = "x-forwarded-for", legacyHeaders } = options;
  const reader = new Reader();
  const given = { rate, burst, wait, queue, onStoreFailure, refund, legacyHeaders, by: "ip" };
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const limit = readLimit(name, set, ["rateLimit"], reader);
  const proxies = trustedProxies.flatMap((range, index) => {
    const rule = "must be an address or a range such as 10.0.0.0/8";
    const path = ["rateLimit", "trustedProxies", String(index)];
    return parseRange(range) ?? reader.report(path, rule, range) ?? [];
  });
  if (limit === undefined || reader.problems.length > 0) throw new ConfigError(reader.problems);
  return { limit, trust: { proxies, header: forwardedHeader.toLowerCase() } };
}

/** The bucket's subject: the first key that the request has; its address if it has none. */
async function subjectOf<C extends HonoContext>(
  c: C,
  keys: readonly RateLimitKey<C>[],
  address: () => string,
): Promise<string> {
  for (const key of keys) {
    if (key === "all") return bucketSubject.all;
    if (key === "ip") break;
    const value = typeof key === "function" ? await key(c) : valueOf(c, key);
    if (value === undefined || value === "") continue;
    return bucketSubject.value(typeof key === "function" ? "key:own" : key, value);
  }
  return bucketSubject.ip(address(), IPV6_PREFIX);
}

function valueOf(c: HonoContext, key: string): string | undefined {
  const separator = key.indexOf(":");
  const [from, name] = [key.slice(0, separator), key.slice(separator + 1)];
  switch (from) {
    case "header":
      return c.req.header(name);
    case "cookie":
      return cookieOf(c.req.raw.headers, name);
    case "query":
      return c.req.query(name);
    default:
      return c.req.param(name);
  }
}

function addressOf(
  c: HonoContext,
  trust: { readonly proxies: readonly AddressRange[]; readonly header: string },
): string {
  const info: unknown = c.env;
  const peer = isRecord(info) && isRecord(info.remoteAddr) ? info.remoteAddr.hostname : undefined;
  if (typeof peer !== "string") return UNKNOWN;
  return clientAddress(peer, c.req.raw.headers, trust);
}

function problem(error: GatewayError): Response {
  return new Response(JSON.stringify(problemOf(error)), {
    status: error.status,
    headers: {
      ...error.headers,
      "content-type": "application/problem+json",
      "cache-control": "no-store",
    },
  });
}

function withHeaders(response: Response, headers: readonly LimitHeader[]): Response {
  const { body, status, statusText } = response;
  const all = new Headers(response.headers);
  for (const [name, value] of headers) if (!all.has(name)) all.set(name, value);
  return new Response(body, { status, statusText, headers: all });
}
