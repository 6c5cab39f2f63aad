import type { Clock } from "../core/clock.ts";
import { type Ban, Bans } from "./purges.ts";
import { HttpCache, MOST_KEEP_MS } from "./http_cache.ts";
import { MemoryTier } from "./memory_tier.ts";
import { SharedBans } from "./shared_purges.ts";
import type { CacheStore } from "./store.ts";
import { TwoTiers } from "./two_tiers.ts";

/** What a cache needs. */
export interface CacheDependencies {
  /** What all answers may take of the memory (bytes). */
  readonly memoryBytes: number;
  /** Absent: each process keeps for itself. */
  readonly store?: CacheStore;
  readonly clock: Clock;
  readonly pseudonym: string;
  /** What one call of the store may take (ms). */
  readonly storeTimeoutMs: number;
  /** What a refresh that no client waits for may take (ms). */
  readonly refreshMs: number;
  /** Told of what the store failed with, of which no client hears. */
  readonly onError: (error: unknown) => void;
}

/** A cache, and what its operator may see and do. */
export interface OpenCache {
  readonly cache: HttpCache;
  readonly memory: MemoryTier;
  readonly bans: Bans;
  /** Bans in this process at once, and in every other within a second. */
  readonly ban: (ban: Ban) => Promise<void>;
}

/** The cache of a process: its memory, over what processes share. */
export function openCache(deps: CacheDependencies): OpenCache {
  const { memoryBytes, store, clock, pseudonym, storeTimeoutMs, refreshMs, onError } = deps;
  const memory = new MemoryTier(memoryBytes);
  const bans = new Bans();
  const shared = store &&
    new SharedBans(store.bans, { memory, bans, clock, storeTimeoutMs, onError });
  const tier = store
    ? new TwoTiers({ memory, store: store.tier, clock, timeoutMs: storeTimeoutMs, onError })
    : memory;
  const cache = new HttpCache({
    tier,
    parts: memory,
    bans,
    hearOfBans: () => shared?.hear(),
    ban: (url) => {
      if (!shared) return; // what this process keeps has been forgotten
      const change: Ban = { of: `url:${url}`, isSoft: false, at: clock.wall() };
      bans.add(change);
      shared.tellChange(change);
    },
    clock,
    pseudonym,
    refreshMs,
  });
  /** Gives back the room that nothing can use any more, which may take longer than anybody waits. */
  const clear = () => {
    memory.clear();
    Promise.try(() => store?.tier.clear?.()).catch(onError);
  };
  const ban = async (ban: Ban) => {
    bans.forgetBefore(clock.wall() - MOST_KEEP_MS);
    bans.add(ban);
    await shared?.tell([ban], MOST_KEEP_MS);
    if (ban.of === "all" && !ban.isSoft) clear();
  };
  return { cache, memory, bans, ban };
}
