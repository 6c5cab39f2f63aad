import * as v from "valibot";
import type { CacheSettings } from "../cache/reuse.ts";
import { isRecord } from "../core/is_record.ts";
import { choice, value } from "./facts.ts";
import { object } from "./object.ts";
import { duration, flag } from "./values.ts";

const lifetimes = {
  /** Freshness lifetime of responses that have none of their own. Default: not fresh. */
  ttl: v.optional(duration),
  /**
   * How long a stale response is served while it is revalidated (RFC 5861 section 3). Default: not at
   * all.
   */
  stale: v.optional(duration),
  /**
   * How long a stale response is served while the upstream fails (RFC 5861 section 4). Default: 1h
   * while the upstream is unreachable.
   */
  staleIfError: v.optional(duration),
  /**
   * Whether clients share responses that might be private: to forwarded requests with a Cookie, and of
   * functions, which can read `ctx.client`.
   */
  shared: v.optional(flag, false),
};

/** The cache of an upstream, a part or a forward. */
export const cacheSchema = object({
  ...lifetimes,
  /**
   * Whether `ttl` overrides the Cache-Control and Expires of responses; never for Set-Cookie or Authorization.
   */
  override: v.optional(flag, false),
});

/** The cache of whole aggregates. */
export const aggregateCacheSchema = object(lifetimes);

const CACHE_RULE = 'must be an object such as { ttl: "30s" }, or false';
const none = value("false", { const: false }, v.literal(false));

/** Overrides the cache, or disables it. */
export const cacheOrNone = choice(
  v.lazy((input) => input === false ? none : isRecord(input) ? cacheSchema : v.never(CACHE_RULE)),
  cacheSchema,
  none,
);

/** @internal */
export type CacheKeys = v.InferInput<typeof cacheSchema>;
/** Which responses are cached, and for how long. `{}` follows HTTP (RFC 9111) alone. */
export type CacheConfig = CacheKeys;

type ReadCache =
  | v.InferOutput<typeof cacheSchema>
  | v.InferOutput<typeof aggregateCacheSchema>
  | false
  | undefined;

/** Converts a cache's config to settings; undefined for no cache. */
export function cacheSettings(read: ReadCache): CacheSettings | undefined {
  if (!read) return undefined;
  const { ttl, stale, staleIfError, shared } = read;
  const override = "override" in read && read.override;
  return { ttlMs: ttl, staleMs: stale, staleIfErrorMs: staleIfError, override, isShared: shared };
}
