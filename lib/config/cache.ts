import * as v from "valibot";
import type { CacheSettings } from "../cache/reuse.ts";
import { isRecord } from "../core/is_record.ts";
import { choice, value } from "./facts.ts";
import { object } from "./object.ts";
import { duration, flag } from "./values.ts";

const lifetimes = {
  /** Freshness lifetime of responses that state none themselves. Default: not fresh. */
  ttl: v.optional(duration),
  /**
   * How long past its freshness a response is still served while a new one is fetched (RFC 5861
   * section 3). Default: not at all.
   */
  stale: v.optional(duration),
  /**
   * How long past its freshness a response is still served while the upstream fails (RFC 5861
   * section 4). Default: 1h while it cannot be reached.
   */
  staleIfError: v.optional(duration),
  /**
   * Whether one client's response may serve others where only the config can tell: forwarded
   * requests with a Cookie, and functions, which may read `ctx.client`.
   */
  shared: v.optional(flag, false),
};

/** The cache of an upstream, a part or a forward. */
export const cacheSchema = object({
  ...lifetimes,
  /**
   * Whether `ttl` also wins over what responses say; never over Set-Cookie or Authorization.
   */
  override: v.optional(flag, false),
});

/** The cache of whole aggregates. */
export const aggregateCacheSchema = object(lifetimes);

const CACHE_RULE = 'must be an object such as { ttl: "30s" }, or false';
const none = value("false", { const: false }, v.literal(false));

/** A cache of one's own, or none. */
export const cacheOrNone = choice(
  v.lazy((input) => input === false ? none : isRecord(input) ? cacheSchema : v.never(CACHE_RULE)),
  cacheSchema,
  none,
);

/** @internal */
export type CacheKeys = v.InferInput<typeof cacheSchema>;
/** What is stored of responses, and for how long. `{}` follows HTTP (RFC 9111) alone. */
export type CacheConfig = CacheKeys;

type ReadCache =
  | v.InferOutput<typeof cacheSchema>
  | v.InferOutput<typeof aggregateCacheSchema>
  | false
  | undefined;

/** The cache that a config wants; undefined for none. */
export function cacheSettings(read: ReadCache): CacheSettings | undefined {
  if (!read) return undefined;
  const { ttl, stale, staleIfError, shared } = read;
  const override = "override" in read && read.override;
  return { ttlMs: ttl, staleMs: stale, staleIfErrorMs: staleIfError, override, isShared: shared };
}
