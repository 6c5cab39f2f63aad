import type { KeySourceSettings, LimitSettings } from "../lib/config/limit.ts";
import { GatewayError } from "../lib/core/errors.ts";
import { msUntil, wholeTokens } from "../lib/limiter/bucket.ts";
import type { TopKeys } from "../lib/limiter/admin/top_keys.ts";
import { type BucketIdentity, bucketSubject, chargeOf } from "../lib/limiter/bucket_key.ts";
import type { Charge, ChargedBucket, Denial, Limit } from "../lib/limiter/limit.ts";
import type { Limiter } from "../lib/limiter/limiter.ts";
import type { Exchange, Middleware } from "./env.ts";

/** What a route takes from which limits. */
export interface RateLimitOptions {
  /** The route's key, for limits that count each route by itself. */
  readonly route: string;
  readonly limits: readonly LimitSettings[];
  /** How many tokens a request takes from each. */
  readonly cost: number;
  /** How many bits of an IPv6 address count. */
  readonly ipv6Prefix: number;
  readonly limiter: Limiter;
  /** Counts which buckets are asked most. */
  readonly busiest: TopKeys;
}

/** From here on an answer counts as the gateway's or an upstream's fault. */
const FAULT_STATUS = 500;

/**
 * Lets a request pass when all its limits allow it, and says what is left of them
 * (draft-ietf-httpapi-ratelimit-headers). Refuses it with 429 otherwise, at the cost of nothing.
 */
export function rateLimit(options: RateLimitOptions): Middleware {
  const { route, limits, cost, ipv6Prefix, limiter, busiest } = options;
  const refunds = new Map(limits.map(({ name, refund }) => [name, refund]));
  return async function rateLimit(c, next) {
    const asked = limits.map((limit) => {
      const counted = countedBy(limit, { route, ipv6Prefix }, c);
      return { counted, charge: chargeOf(counted, cost) };
    });
    const charges = asked.map(({ charge }) => charge);
    const taken = limiter.take(charges, c.get("ctx"));
    const decision = taken instanceof Promise ? await taken : taken;
    if (decision.outcome === "unavailable") {
      throw new GatewayError("limiter-unavailable", "the limits of this route cannot be counted", {
        headers: { "retry-after": "1" },
      });
    }
    for (const { counted, charge } of asked) {
      const isTaken = decision.outcome === "admitted";
      if (isTaken || decision.violated.includes(charge)) busiest.add(counted, charge, isTaken);
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

function countedBy(
  limit: LimitSettings,
  { route, ipv6Prefix }: Pick<RateLimitOptions, "route" | "ipv6Prefix">,
  c: Exchange,
): BucketIdentity {
  return { limit, tier: c.get("ctx").client.tier, route, subject: whoOf(limit.by, ipv6Prefix, c) };
}

/** The first source that yields; the address when none does. */
function whoOf(by: readonly KeySourceSettings[], ipv6Prefix: number, c: Exchange): string {
  const { name, address } = c.get("ctx").client;
  // Who is refused anyway takes nothing from anyone else, and escapes by nothing it says.
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
  // A limit that let pass uncounted knows nothing of what is left.
  return buckets.length === 0
    ? [policy]
    : [policy, ["ratelimit", buckets.map(remainingOf).join(", ")]];
}

/** `"perClient";q=20;w=12`: the burst, and in how many seconds that much comes in. */
function policyOf({ name, shape: { capacity, perToken, perMs } }: Limit): string {
  const windowS = Math.max(1, Math.ceil(capacity / perMs / 1000));
  return `"${name}";q=${capacity / perToken};w=${windowS}`;
}

/** `"perClient";r=19;t=1`: whole tokens left, and seconds until the next; no `t` when it is full. */
function remainingOf({ charge: { limit: { name, shape } }, level }: ChargedBucket): string {
  const remaining = wholeTokens(level, shape);
  const isFull = level.units >= shape.capacity;
  const next = isFull ? "" : `;t=${Math.ceil(msUntil(level, shape, remaining + 1) / 1000)}`;
  return `"${name}";r=${remaining}${next}`;
}
