import type { KeySourceSettings, LimitSettings } from "../lib/config/limit.ts";
import { GatewayError } from "../lib/core/errors.ts";
import { msUntil, wholeTokens } from "../lib/limiter/bucket.ts";
import type { TopKeys } from "../lib/limiter/admin/top_keys.ts";
import { type BucketIdentity, bucketSubject, chargeOf } from "../lib/limiter/bucket_key.ts";
import type { Charge, ChargedBucket, Denial, Limit } from "../lib/limiter/limit.ts";
import type { Limiter } from "../lib/limiter/limiter.ts";
import type { Exchange, Middleware } from "./env.ts";

/** A route's limits and what a request takes from each. */
export interface RateLimitOptions {
  /** The route's key, for limits that count each route separately. */
  readonly route: string;
  readonly limits: readonly LimitSettings[];
  /** How many tokens a request takes from each. */
  readonly cost: number;
  /** How many leading bits of an IPv6 address identify a client. */
  readonly ipv6Prefix: number;
  readonly limiter: Limiter;
  /** Tracks the busiest buckets. */
  readonly topKeys: TopKeys;
}

/** The lowest status that counts as a fault of the gateway or an upstream. */
const FAULT_STATUS = 500;

/**
 * Admits a request when all of the route's limits allow it, and reports what is left in `RateLimit`
 * headers (draft-ietf-httpapi-ratelimit-headers). Otherwise refuses it with 429, which takes no
 * tokens from any limit.
 */
export function rateLimit(options: RateLimitOptions): Middleware {
  const { route, limits, cost, ipv6Prefix, limiter, topKeys } = options;
  const refunds = new Map(limits.map(({ name, refund }) => [name, refund]));
  return async function rateLimit(c, next) {
    const charged = limits.map((limit) => {
      const owner = ownerOf(limit, { route, ipv6Prefix }, c);
      return { owner, charge: chargeOf(owner, cost) };
    });
    const charges = charged.map(({ charge }) => charge);
    const pending = limiter.take(charges, c.get("ctx"));
    const decision = pending instanceof Promise ? await pending : pending;
    if (decision.outcome === "unavailable") {
      throw new GatewayError("limiter-unavailable", "the limits of this route cannot be checked", {
        headers: { "retry-after": "1" },
      });
    }
    const isAdmitted = decision.outcome === "admitted";
    for (const { owner, charge } of charged) {
      if (isAdmitted || decision.violated.includes(charge)) topKeys.add(owner, charge, isAdmitted);
    }
    if (decision.outcome === "denied") throw quotaExceeded(decision, charges);
    await next();
    for (const [name, value] of limitHeaders(charges, decision.buckets)) {
      c.res.headers.set(name, value);
    }
    const reason = c.res.status >= FAULT_STATUS
      ? "fault"
      : c.get("trace").isHit
      ? "hit"
      : undefined;
    if (reason) decision.refund(({ limit }) => refunds.get(limit.name)?.has(reason) ?? false);
  };
}

function ownerOf(
  limit: LimitSettings,
  { route, ipv6Prefix }: Pick<RateLimitOptions, "route" | "ipv6Prefix">,
  c: Exchange,
): BucketIdentity {
  return {
    limit,
    tier: c.get("ctx").client.tier,
    route,
    subject: subjectOf(limit.by, ipv6Prefix, c),
  };
}

/** The bucket's subject: the first key source that the request has; its address if it has none. */
function subjectOf(by: readonly KeySourceSettings[], ipv6Prefix: number, c: Exchange): string {
  const { name, address } = c.get("ctx").client;
  // A client that will be refused counts by its address: it can neither use another client's bucket
  // nor avoid its own by sending other headers.
  for (const source of c.get("isRefused") ? [] : by) {
    if (source === "all") return bucketSubject.all;
    if (source === "ip") break;
    if (source === "client") {
      if (name !== undefined) return bucketSubject.client(name);
      continue;
    }
    const value = c.req.raw.headers.get(source.header);
    if (value !== null && value !== "") return bucketSubject.header(source.header, value);
  }
  return bucketSubject.ip(address, ipv6Prefix);
}

function quotaExceeded(decision: Denial, charges: readonly Charge[]): GatewayError {
  const seconds = Math.max(1, Math.ceil(decision.retryAfterMs / 1000));
  const violated = decision.violated.map(({ limit }) => limit.name);
  return new GatewayError("quota-exceeded", `${violated.join(", ")}: try again in ${seconds} s`, {
    headers: {
      "retry-after": String(seconds),
      ...Object.fromEntries(limitHeaders(charges, decision.buckets)),
    },
    extensions: { "violated-policies": violated },
  });
}

function limitHeaders(
  charges: readonly Charge[],
  buckets: readonly ChargedBucket[],
): [name: string, value: string][] {
  const policy: [string, string] = [
    "ratelimit-policy",
    charges.map(({ limit }) => policyOf(limit)).join(", "),
  ];
  // A limit that failed open does not know what is left.
  return buckets.length === 0
    ? [policy]
    : [policy, ["ratelimit", buckets.map(remainingOf).join(", ")]];
}

/** `"perClient";q=20;w=12`: the burst, and how many seconds it takes to refill. */
function policyOf({ name, shape: { capacity, perToken, perMs } }: Limit): string {
  const windowS = Math.max(1, Math.ceil(capacity / perMs / 1000));
  return `"${name}";q=${capacity / perToken};w=${windowS}`;
}

/** `"perClient";r=19;t=1`: whole tokens left, and seconds until the next one; no `t` when full. */
function remainingOf({ charge: { limit: { name, shape } }, level }: ChargedBucket): string {
  const remaining = wholeTokens(level, shape);
  const isFull = level.units >= shape.capacity;
  const next = isFull ? "" : `;t=${Math.ceil(msUntil(level, shape, remaining + 1) / 1000)}`;
  return `"${name}";r=${remaining}${next}`;
}
