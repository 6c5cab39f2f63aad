import { Hono } from "hono";
import type { PurgeSubject } from "../../lib/cache/purges.ts";
import type { OpenCache } from "../../lib/cache/open_cache.ts";
import type { Clock } from "../../lib/core/clock.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import type { Env } from "../../middleware/env.ts";

/** What the operator's view of the cache needs. */
export interface CacheAdminOptions {
  readonly cache: OpenCache;
  readonly clock: Clock;
  /** The addresses under which a URL, or a path of the gateway, may be kept. */
  readonly addressesOf: (url: string) => readonly string[];
}

/** How many answers are listed, those that were used last first. */
const MOST_LISTED = 100;

/** What the cache of this process keeps; and purging, which every process feels within a second. */
export function cacheAdmin({ cache, clock, addressesOf }: CacheAdminOptions): Hono<Env> {
  return new Hono<Env>()
    .get("/", (c) => {
      const { hits, misses } = cache.cache.stats;
      const entries = cache.memory.list(MOST_LISTED).map(({ entry, bytes }) => ({
        key: entry.url,
        status: entry.status,
        bytes,
        age: Math.floor((clock.wall() - entry.receivedAt) / 1000),
      }));
      const asked = hits + misses;
      return c.json(
        {
          keys: cache.memory.keys,
          bytes: cache.memory.bytes,
          maxBytes: cache.memory.maxBytes,
          hits,
          misses,
          hitRate: asked === 0 ? null : hits / asked,
          bans: cache.purges.size,
          entries,
        },
        200,
        { "cache-control": "no-store" },
      );
    })
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
          "say what to purge: ?url=…, ?tag=… or ?all; see docs/caching.md",
        );
      }
      const at = clock.wall();
      for (const of of subjects) await cache.purge({ of, isSoft: soft !== undefined, at });
      return c.json({ purged: subjects, soft: soft !== undefined }, 200, {
        "cache-control": "no-store",
      });
    });
}
