import { Hono } from "hono";
import type { PurgeSubject } from "../../lib/cache/purges.ts";
import type { OpenCache } from "../../lib/cache/open_cache.ts";
import type { Clock } from "../../lib/core/clock.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import { NO_STORE } from "./no_store.ts";
import type { OperatorEnv } from "./operator_env.ts";

/** Dependencies of the routes for the cache. */
export interface CacheAdminOptions {
  readonly cache: OpenCache;
  readonly clock: Clock;
  /** The cache's addresses for an upstream's URL or a path of the gateway. */
  readonly addressesOf: (url: string) => readonly string[];
}

/** How many stored responses are listed, the most recently used first. */
const MOST_LISTED = 100;

/** Shows this process's cache, and purges. A purge takes effect in every process within a second. */
export function cacheAdmin({ cache, clock, addressesOf }: CacheAdminOptions): Hono<OperatorEnv> {
  return new Hono<OperatorEnv>()
    .get("/", (c) => c.json(shownCache(cache, clock), 200, NO_STORE))
    .delete("/", async (c) => {
      const { url, tag, all, soft } = c.req.query();
      const subjects: PurgeSubject[] = [
        ...all === undefined ? [] : ["all" as const],
        ...!tag ? [] : [`tag:${tag}` as const],
        ...url === undefined ? [] : addressesOf(url).map((address) => `url:${address}` as const),
      ];
      if (subjects.length === 0) {
        throw new GatewayError(
          "bad-request",
          "one of ?url=…, ?tag=… and ?all is required; see docs/caching.md",
        );
      }
      const at = clock.wall();
      for (const of of subjects) await cache.purge({ of, isSoft: soft !== undefined, at });
      return c.json({ purged: subjects, soft: soft !== undefined }, 200, NO_STORE);
    });
}

/** This process's cache as the operator API shows it. */
export function shownCache(cache: OpenCache, clock: Clock) {
  const { hits, misses } = cache.cache.stats;
  const lookups = hits + misses;
  return {
    keys: cache.memory.keys,
    bytes: cache.memory.bytes,
    coded: { bodies: cache.coded.size, bytes: cache.coded.bytes },
    maxBytes: cache.memory.maxBytes + cache.coded.maxBytes,
    hits,
    misses,
    hitRate: lookups === 0 ? null : hits / lookups,
    bans: cache.purges.size,
    entries: cache.memory.list(MOST_LISTED).map(({ entry, bytes }) => ({
      key: entry.url,
      status: entry.status,
      bytes,
      age: Math.floor((clock.wall() - entry.receivedAt) / 1000),
    })),
  };
}
