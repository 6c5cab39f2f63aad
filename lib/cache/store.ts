import type { Purge } from "./purges.ts";
import type { CacheTier } from "./tier.ts";

/** What processes share of a cache. */
export interface CacheStore {
  readonly tier: CacheTier;
  readonly purges: {
    /** Tells every process of bans, which are of use for so long (ms). */
    add(bans: readonly Purge[], keepMs: number): Promise<void>;
    /** The bans that were added since they were last read. */
    readNew(): Promise<readonly Purge[]>;
  };
}
