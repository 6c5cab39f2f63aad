import { GatewayError } from "../core/errors.ts";
import { msUntil, wholeTokens } from "./bucket.ts";
import { allowanceOf } from "./bucket_key.ts";
import type { ChargedBucket, Denial, Limit, NamedLimit } from "./limit.ts";

/** A header about limits. */
export type LimitHeader = readonly [name: string, value: string];

/** The error of a denied request, with honest `Retry-After`. @param headers its other headers */
export function quotaExceeded(decision: Denial, headers: readonly LimitHeader[]): GatewayError {
  const seconds = Math.max(1, Math.ceil(decision.retryAfterMs / 1000));
  const violated = decision.violated.map(({ limit }) => limit.name);
  return new GatewayError("quota-exceeded", `${violated.join(", ")}: try again in ${seconds} s`, {
    headers: {
      "retry-after": String(seconds),
      ...Object.fromEntries(headers),
    },
    extensions: { "violated-policies": violated },
  });
}

/** The value of `RateLimit-Policy` by tier; undefined is the tier of those that no limit lists. */
export function policyHeaders(limits: readonly NamedLimit[]): Map<string | undefined, string> {
  const tiers = [undefined, ...limits.flatMap(({ tiers }) => [...tiers.keys()])];
  const policiesOf = (tier: string | undefined) =>
    limits.map((limit) => policyOf(allowanceOf(limit, tier))).join(", ");
  return new Map(tiers.map((tier) => [tier, policiesOf(tier)]));
}

/** The headers of the draft (draft-ietf-httpapi-ratelimit-headers). @param policies from {@linkcode policyHeaders} */
export function limitHeaders(policies: string, buckets: readonly ChargedBucket[]): LimitHeader[] {
  const policy: LimitHeader = ["ratelimit-policy", policies];
  // A limit that failed open does not know what is left.
  return buckets.length === 0
    ? [policy]
    : [policy, ["ratelimit", buckets.map(remainingOf).join(", ")]];
}

/**
 * The headers that most gateways sent before the draft, of the limit with the fewest tokens left: burst,
 * whole tokens left, and when the bucket is full again (s since 1970).
 */
export function legacyHeaders(
  buckets: readonly ChargedBucket[],
  names: ReadonlySet<string>,
  wallMs: number,
): LimitHeader[] {
  const [tightest] = buckets.filter(({ charge }) => names.has(charge.limit.name))
    .map(({ charge: { limit: { shape } }, level }) => ({
      shape,
      level,
      remaining: wholeTokens(level, shape),
    }))
    .sort((a, b) => a.remaining - b.remaining);
  if (tightest === undefined) return [];
  const { shape, level, remaining } = tightest;
  const burst = shape.capacity / shape.perToken;
  return [
    ["x-ratelimit-limit", String(burst)],
    ["x-ratelimit-remaining", String(remaining)],
    ["x-ratelimit-reset", String(Math.ceil((wallMs + msUntil(level, shape, burst)) / 1000))],
  ];
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
