import type { CacheEntry } from "./entry.ts";

/** A place where answers are kept. Whatever goes wrong in it is a miss, never an error. */
export interface CacheTier {
  /** The newest answer that is kept for a request with these headers. */
  get(key: string, request: Headers): Promise<CacheEntry | undefined> | CacheEntry | undefined;
  /**
   * Keeps an answer, in the place of one that the same requests chose.
   * @param keepMs how long it can be of use
   */
  set(key: string, entry: CacheEntry, keepMs: number): Promise<void> | void;
  /** Whether any answer is kept under the key, as far as that is known at once. */
  has?(key: string): boolean;
  /** Remembers that what such a request chooses is of use, where that decides what is evicted. */
  touch?(key: string, request: Headers): Promise<void>;
  /** Removes everything. */
  clear?(): Promise<void> | void;
  /** Forgets every answer under the key. */
  delete(key: string): Promise<void> | void;
  /** Forgets every answer of an address, under whichever key (see `cacheKey`). */
  invalidate(url: string): Promise<void> | void;
}
