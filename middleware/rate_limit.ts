import type { KeySourceSettings, LimitSettings, Refund } from "../lib/config/limit.ts";
import type { RequestValue } from "../lib/config/request_value.ts";
import { GatewayError } from "../lib/core/errors.ts";
import type { TopKeys } from "../lib/limiter/admin/top_keys.ts";
import { type BucketIdentity, bucketSubject, chargeOf } from "../lib/limiter/bucket_key.ts";
import type { Charge, ChargedBucket, Decision } from "../lib/limiter/limit.ts";
import {
  legacyHeaders,
  limitHeaders,
  policyHeaders,
  quotaExceeded,
} from "../lib/limiter/limit_headers.ts";
import type { Limiter } from "../lib/limiter/limiter.ts";
import type { WaitRecorder } from "../lib/observe/wait_recorder.ts";
import { ExactNumber } from "../lib/json/exact_number.ts";
import { cookieOf } from "../lib/http/cookie.ts";
import type { Exchange } from "./exchange.ts";
import type { Middleware } from "./middleware.ts";

/** A route's limits and what a request takes from each. */
export interface RateLimitOptions {
  /** The route's key, for limits that count each route separately. */
  readonly route: string;
  readonly limits: readonly LimitSettings[];
  /** How many tokens a request takes from each. */
  readonly cost: number;
  /** How many leading bits of an IPv6 address identify a client. */
  readonly ipv6Prefix: number;
  /** The time (ms since 1970). */
  readonly wall: () => number;
  readonly limiter: Limiter;
  /** Tracks the busiest buckets. */
  readonly topKeys: TopKeys;
  /** Called with each decision, and each limit that made it; for metrics. */
  readonly onDecision?: ((limit: string, decision: Decision["outcome"]) => void) | undefined;
  /** Records waits for tokens and for the store; absent while nobody observes. */
  readonly waits?: WaitRecorder | undefined;
}

/** What a request takes from one limit, and whose it is. */
interface Charged {
  readonly owner: BucketIdentity;
  readonly charge: Charge;
}

/** The lowest status that counts as a fault of the gateway or an upstream. */
const FAULT_STATUS = 500;
/** The lowest status of a failure. */
const FAILURE_STATUS = 400;

const NONE: readonly Refund[] = [];
const FAULT: readonly Refund[] = ["fault"];
const HIT: readonly Refund[] = ["hit"];
const SUCCESS: readonly Refund[] = ["success"];
const HIT_AND_SUCCESS: readonly Refund[] = ["hit", "success"];

/**
 * Admits a request when all of the route's limits allow it, and reports what is left in `RateLimit`
 * headers (draft-ietf-httpapi-ratelimit-headers). Otherwise refuses it with 429, which takes no
 * tokens from any limit.
 */
export function rateLimit(options: RateLimitOptions): Middleware {
  const { route, limits, cost, ipv6Prefix, limiter, topKeys, waits, onDecision, wall } = options;
  const refunds = new Map(limits.map(({ name, refund }) => [name, refund]));
  const refundsAny = limits.some(({ refund }) => refund.size > 0);
  const policies = policyHeaders(limits);
  const legacy = new Set(limits.flatMap((limit) => limit.legacyHeaders ? limit.name : []));
  const reported = (c: Exchange, buckets: readonly ChargedBucket[]) => {
    const policy = policies.get(c.ctx.client.tier) ?? policies.get(undefined) ?? "";
    const headers = limitHeaders(policy, buckets);
    return legacy.size === 0 ? headers : [...headers, ...legacyHeaders(buckets, legacy, wall())];
  };
  /** Lets a request pass, or turns it back. */
  const decided = (c: Exchange, charged: readonly Charged[], decision: Decision): void => {
    if (decision.outcome === "unavailable") {
      for (const { charge } of charged) onDecision?.(charge.limit.name, "unavailable");
      throw new GatewayError("limiter-unavailable", "the limits of this route cannot be checked", {
        headers: { "retry-after": "1" },
      });
    }
    const isAdmitted = decision.outcome === "admitted";
    for (const { owner, charge } of charged) {
      if (!isAdmitted && !decision.violated.includes(charge)) continue;
      topKeys.add(owner, charge, isAdmitted);
      onDecision?.(charge.limit.name, decision.outcome);
    }
    if (isAdmitted) c.grant = decision;
    else throw quotaExceeded(decision, reported(c, decision.buckets));
  };
  return {
    before(c) {
      const charged = limits.map((limit) => {
        const owner = ownerOf(limit, { route, ipv6Prefix }, c);
        return { owner, charge: chargeOf(owner, cost) };
      });
      const decision = limiter.take(charged.map(({ charge }) => charge), c.ctx);
      if (decision instanceof Promise) {
        const waiting = waits?.time(decision, c.ctx) ?? decision;
        return waiting.then((made) => decided(c, charged, made));
      }
      decided(c, charged, decision);
    },
    after(c, { status, headers }) {
      const { grant } = c;
      if (!grant) return;
      for (const [name, value] of reported(c, grant.buckets)) headers.set(name, value);
      const reasons = reasonsOf(status, c.trace.isHit);
      if (reasons.length === 0 || !refundsAny) return;
      grant.refund(({ limit }) => reasons.some((reason) => refunds.get(limit.name)?.has(reason)));
    },
  };
}

/** Why a response with that status gets its tokens back, from those limits that give any. */
function reasonsOf(status: number, isHit = false): readonly Refund[] {
  if (status >= FAULT_STATUS) return FAULT;
  if (isHit) return status < FAILURE_STATUS ? HIT_AND_SUCCESS : HIT;
  return status < FAILURE_STATUS ? SUCCESS : NONE;
}

function ownerOf(
  limit: LimitSettings,
  { route, ipv6Prefix }: Pick<RateLimitOptions, "route" | "ipv6Prefix">,
  c: Exchange,
): BucketIdentity {
  return {
    limit,
    tier: c.ctx.client.tier,
    route,
    subject: subjectOf(limit.by, ipv6Prefix, c),
  };
}

/** The bucket's subject: the first key source that the request has; its address if it has none. */
function subjectOf(by: readonly KeySourceSettings[], ipv6Prefix: number, c: Exchange): string {
  const { name, address } = c.ctx.client;
  // A client that will be refused counts by its address: it can neither use another client's bucket
  // nor avoid its own by sending other headers.
  for (const source of c.refusal ? [] : by) {
    if (source === "all") return bucketSubject.all;
    if (source === "ip") break;
    if (source === "client") {
      if (name !== undefined) return bucketSubject.client(name);
      continue;
    }
    const { from, name: key } = source;
    const value = requestValueOf(source, c);
    if (value === undefined || value === "") continue;
    return from === "header"
      ? bucketSubject.header(key, value)
      : bucketSubject.value(`${from}:${key}`, value);
  }
  return bucketSubject.ip(address, ipv6Prefix);
}

/** A value of a request; undefined if it has none, or several where one was meant. */
function requestValueOf({ from, name }: RequestValue, c: Exchange): string | undefined {
  switch (from) {
    case "header":
      return c.headers.get(name) ?? undefined;
    case "claim": {
      const claim = c.ctx.client.claims?.[name];
      const isText = typeof claim === "string" || typeof claim === "number" ||
        claim instanceof ExactNumber;
      return isText ? String(claim) : undefined;
    }
    case "cookie":
      return cookieOf(c.headers, name);
    case "query":
      return new URLSearchParams(c.target.search).get(name) ?? undefined;
    case "param":
      return c.params[name];
  }
}
