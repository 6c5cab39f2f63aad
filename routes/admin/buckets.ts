import { Hono } from "hono";
import type { Clock } from "../../lib/core/clock.ts";
import type { Settings } from "../../lib/config/gateway.ts";
import { suggest } from "../../lib/config/suggest.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import { msUntil, msUntilFull, wholeTokens } from "../../lib/limiter/bucket.ts";
import type { TopKeys } from "../../lib/limiter/admin/top_keys.ts";
import { type BucketIdentity, chargeOf } from "../../lib/limiter/bucket_key.ts";
import type { Ledger, LedgerEntry } from "../../lib/limiter/admin/ledger.ts";
import type { Charge } from "../../lib/limiter/limit.ts";
import type { Operator } from "../../lib/operator/operator.ts";
import type { OperatorEnv } from "./operator_env.ts";
import { shownBlock } from "./blocks.ts";
import { NO_STORE } from "./no_store.ts";
import { readQuery } from "./query.ts";
import { type Subject, subjectOf, SUBJECTS } from "./subject.ts";

/** Dependencies of the routes for buckets. */
export interface BucketsAdminOptions {
  readonly settings: Pick<Settings, "limits" | "routes" | "clients" | "ipv6Prefix">;
  readonly ledger: Ledger;
  readonly topKeys: TopKeys;
  readonly operator: Operator | undefined;
  readonly clock: Clock;
}

/** How many of the busiest buckets are listed. */
const MOST_LISTED = 20;
const PARAMETERS = [...SUBJECTS, "limit", "route"] as const;

/** Shows and resets buckets. A reset takes effect in every process within a second. */
export function bucketsAdmin(options: BucketsAdminOptions): Hono<OperatorEnv> {
  const { settings, ledger, operator, clock } = options;
  return new Hono<OperatorEnv>()
    .get("/", async (c) => {
      const query = readQuery(c, PARAMETERS);
      if (query.size === 0) {
        return c.json(await busiestBuckets(options), 200, NO_STORE);
      }
      const subject = subjectOf(query, settings.ipv6Prefix);
      const tier = await tierOf(subject, settings.clients, operator);
      const all = bucketsOf(subject, query, settings);
      const entries = await ledger.read(all.map(({ charge }) => charge));
      const buckets = entries.flatMap((entry, index) => {
        const { identity } = all[index] ?? {};
        if (!identity) return [];
        const now = tier !== undefined && identity.limit.tiers.has(tier) ? tier : undefined;
        // A tier that the client is not in and has never used has no bucket to show.
        return entry.isStored || identity.tier === now ? shownBucket(identity, entry) : [];
      });
      const block = operator?.blocks.of(subject.client, clock.wall());
      const ban = block ? shownBlock(block, clock) : null;
      return c.json({ who: subject.who, ban, buckets }, 200, NO_STORE);
    })
    .delete("/", async (c) => {
      const query = readQuery(c, PARAMETERS);
      const subject = subjectOf(query, settings.ipv6Prefix);
      const charges = bucketsOf(subject, query, settings).map(({ charge }) => charge);
      return c.json({ who: subject.who, reset: await ledger.reset(charges) }, 200, NO_STORE);
    });
}

/**
 * The busiest buckets of this process, and over how long they were counted.
 * @throws {GatewayError} `limiter-unavailable`
 */
export async function busiestBuckets(
  { topKeys, ledger }: Pick<BucketsAdminOptions, "topKeys" | "ledger">,
) {
  const { overMs, buckets } = topKeys.top(MOST_LISTED);
  const entries = await ledger.read(buckets.map(({ charge }) => charge));
  const listed = entries.flatMap((entry, index) => {
    const busy = buckets[index];
    if (!busy) return [];
    const { identity, taken, refused } = busy;
    return { who: identity.subject, taken, refused, ...shownBucket(identity, entry) };
  });
  return { seconds: Math.round(overMs / 1000), buckets: listed };
}

/** All buckets that may count a subject: one for each limit, tier and, where counted, route. */
function bucketsOf(
  subject: Subject,
  query: ReadonlyMap<string, string>,
  { limits, routes }: Pick<Settings, "limits" | "routes">,
): { identity: BucketIdentity; charge: Charge }[] {
  const limitName = query.get("limit");
  const routeKey = query.get("route");
  oneOf("limit", limitName, limits.map(({ name }) => name));
  oneOf("route", routeKey, routes.map(({ key }) => key));
  const found = new Map<string, { identity: BucketIdentity; charge: Charge }>();
  for (const limit of limits) {
    if (!subject.isCountedBy(limit) || limit.name !== (limitName ?? limit.name)) continue;
    const having = routes
      .filter((route) => route.limits.includes(limit) && route.key === (routeKey ?? route.key))
      .map(({ key }) => key);
    for (const route of limit.perRoute ? having : having.slice(0, 1)) {
      for (const tier of [undefined, ...limit.tiers.keys()]) {
        const identity = { limit, tier, route, subject: subject.who };
        const charge = chargeOf(identity, 1);
        // Tiers of the same rate and burst share a bucket.
        if (!found.has(charge.key)) found.set(charge.key, { identity, charge });
      }
    }
  }
  return [...found.values()];
}

function oneOf(what: string, value: string | undefined, known: readonly string[]): void {
  if (value === undefined || known.includes(value)) return;
  throw new GatewayError("bad-request", `no such ${what}${suggest(value, known)}`);
}

/** A known client's tier; undefined when it has none. */
async function tierOf(
  { client: { name } }: Subject,
  clients: Settings["clients"],
  operator: Operator | undefined,
): Promise<string | undefined> {
  if (name === undefined || !clients) return undefined;
  if (clients.known) return clients.known.find((known) => known.name === name)?.tier;
  return (await operator?.readClients((clients) => clients.get(name)))?.tier;
}

/** A bucket as the operator API shows it: tokens left as in `RateLimit`, and seconds until it is full. */
function shownBucket(
  { limit, tier, route }: BucketIdentity,
  { charge, level, leased }: LedgerEntry,
) {
  const { shape } = charge.limit;
  const left = wholeTokens(level, shape);
  const fullMs = msUntilFull(level, shape);
  return {
    limit: limit.name,
    tier: tier !== undefined && limit.tiers.has(tier) ? tier : null,
    ...(limit.perRoute && { route }),
    left,
    leased,
    burst: shape.capacity / shape.perToken,
    next: fullMs === 0 ? null : Math.ceil(msUntil(level, shape, left + 1) / 1000),
    full: Math.ceil(fullMs / 1000),
  };
}
