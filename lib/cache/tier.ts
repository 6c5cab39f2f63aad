import type { CacheEntry } from "./entry.ts";

/** A place where responses are stored. A failure in it is a miss, never an error. */
export interface CacheTier {
  /** The newest stored response that these request headers select. */
  get(key: string, request: Headers): Promise<CacheEntry | undefined> | CacheEntry | undefined;
  /** The same, in this process's memory alone; absent where that is all there is. */
  getInMemory?(key: string, request: Headers): CacheEntry | undefined;
  /**
   * Stores a response, in place of the one that the same requests select.
   * @param lifetimeMs how long it can be reused (ms)
   */
  set(key: string, entry: CacheEntry, lifetimeMs: number): Promise<void> | void;
  /** Whether any response is stored under the key, as far as known without waiting. */
  has?(key: string): boolean;
  /** Records a use of the response that these headers select, where use decides eviction. */
  touch?(key: string, request: Headers): Promise<void>;
  /** Removes everything. */
  clear?(): Promise<void> | void;
  /** Deletes every response under the key. */
  delete(key: string): Promise<void> | void;
  /** Deletes every response of a URL, under any key (see `cacheKey`). */
  invalidate(url: string): Promise<void> | void;
}
