import { CodedBodies } from "../coding/coded_bodies.ts";
import type { Clock } from "../core/clock.ts";
import { type Purge, Purges } from "./purges.ts";
import { HttpCache } from "./http_cache.ts";
import { MAX_STORE_MS } from "./stored_responses.ts";
import { MemoryTier } from "./memory_tier.ts";
import { SharedPurges } from "./shared_purges.ts";
import type { StoreGuard } from "../store/store_guard.ts";
import type { CacheStore } from "./store.ts";
import { TwoTiers } from "./two_tiers.ts";

/** Dependencies of a cache. */
export interface CacheDependencies {
  /** Memory for stored responses (bytes). */
  readonly memoryBytes: number;
  /** Absent: each process has its own cache. */
  readonly store?: CacheStore;
  readonly clock: Clock;
  readonly pseudonym: string;
  readonly guard: Pick<StoreGuard, "admits" | "call" | "failed">;
  /** Timeout of a revalidation in the background (ms). */
  readonly refreshMs: number;
}

/** A cache, with what its operator may see and do. */
export interface OpenCache {
  readonly cache: HttpCache;
  readonly memory: MemoryTier;
  /** The coded forms of stored bodies, in memory. */
  readonly coded: CodedBodies;
  readonly purges: Purges;
  /** Purges in this process at once, and in every other within a second. */
  readonly purge: (purge: Purge) => Promise<void>;
}

/** The share of the memory for the coded forms: JSON takes an eighth to a third of its size. */
const CODED_SHARE = 1 / 8;

/** Opens the cache of a process: its memory, over the store that processes share. */
export function openCache(deps: CacheDependencies): OpenCache {
  const { memoryBytes, store, clock, pseudonym, guard, refreshMs } = deps;
  const memory = new MemoryTier(memoryBytes * (1 - CODED_SHARE));
  const coded = new CodedBodies(memoryBytes * CODED_SHARE);
  const purges = new Purges();
  const shared = store &&
    new SharedPurges(store.purges, { memory, purges, clock, guard });
  const tier = store ? new TwoTiers({ memory, store: store.tier, guard, clock }) : memory;
  const cache = new HttpCache({
    tier,
    parts: memory,
    purges,
    refreshPurges: () => shared?.refresh(),
    purge: (url) => {
      if (!shared) return; // this process has invalidated its own responses
      const change: Purge = { of: `url:${url}`, isSoft: false, at: clock.wall() };
      purges.add(change);
      shared.publishChange(change);
    },
    clock,
    pseudonym,
    refreshMs,
  });
  /** Frees memory and disk after a purge of everything; the store may take long, so in the background. */
  const clear = () => {
    memory.clear();
    coded.clear();
    Promise.try(() => store?.tier.clear?.()).catch((error) => guard.failed("write", error));
  };
  const purge = async (purge: Purge) => {
    purges.forgetBefore(clock.wall() - MAX_STORE_MS);
    purges.add(purge);
    await shared?.publish([purge], MAX_STORE_MS);
    if (purge.of === "all" && !purge.isSoft) clear();
  };
  return { cache, memory, coded, purges, purge };
}
