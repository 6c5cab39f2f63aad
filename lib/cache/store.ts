import type { Purge } from "./purges.ts";
import type { CacheTier } from "./tier.ts";

/** What processes share of a cache: stored responses and purges. */
export interface CacheStore {
  readonly tier: CacheTier;
  readonly purges: {
    /** Publishes purges to every process, for `lifetimeMs`. */
    add(purges: readonly Purge[], lifetimeMs: number): Promise<void>;
    /** Reads the purges added since the last read. */
    readNew(): Promise<readonly Purge[]>;
  };
}
