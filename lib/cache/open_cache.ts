import type { Clock } from "../core/clock.ts";
import { type Purge, Purges } from "./purges.ts";
import { HttpCache } from "./http_cache.ts";
import { MAX_STORE_MS } from "./stored_responses.ts";
import { MemoryTier } from "./memory_tier.ts";
import { SharedPurges } from "./shared_purges.ts";
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
  readonly purges: Purges;
  /** Bans in this process at once, and in every other within a second. */
  readonly purge: (ban: Purge) => Promise<void>;
}

/** The cache of a process: its memory, over what processes share. */
export function openCache(deps: CacheDependencies): OpenCache {
  const { memoryBytes, store, clock, pseudonym, storeTimeoutMs, refreshMs, onError } = deps;
  const memory = new MemoryTier(memoryBytes);
  const bans = new Purges();
  const shared = store &&
    new SharedPurges(store.purges, { memory, purges: bans, clock, storeTimeoutMs, onError });
  const tier = store
    ? new TwoTiers({ memory, store: store.tier, clock, timeoutMs: storeTimeoutMs, onError })
    : memory;
  const cache = new HttpCache({
    tier,
    parts: memory,
    purges: bans,
    refreshPurges: () => shared?.refresh(),
    purge: (url) => {
      if (!shared) return; // what this process keeps has been forgotten
      const change: Purge = { of: `url:${url}`, isSoft: false, at: clock.wall() };
      bans.add(change);
      shared.publishChange(change);
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
  const ban = async (ban: Purge) => {
    bans.forgetBefore(clock.wall() - MAX_STORE_MS);
    bans.add(ban);
    await shared?.publish([ban], MAX_STORE_MS);
    if (ban.of === "all" && !ban.isSoft) clear();
  };
  return { cache, memory, purges: bans, purge: ban };
}
