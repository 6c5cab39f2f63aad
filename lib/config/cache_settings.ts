import type { CacheSettings } from "../cache/judge.ts";

/** What a config says of a cache, as the schema reads it; false for none. */
export interface ReadCache {
  readonly ttl?: number | undefined;
  readonly stale?: number | undefined;
  readonly staleIfError?: number | undefined;
  readonly override?: boolean | undefined;
}

/** The cache that a config wants; undefined for none. */
export function cacheSettings(read: ReadCache | false | undefined): CacheSettings | undefined {
  if (!read) return undefined;
  const { ttl, stale, staleIfError, override = false } = read;
  return { ttlMs: ttl, staleMs: stale, staleIfErrorMs: staleIfError, override };
}
