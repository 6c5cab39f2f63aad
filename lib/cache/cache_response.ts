import { Body } from "../core/body.ts";
import { FieldList } from "../core/field_list.ts";
import { copyHeaders } from "../http/copy_headers.ts";
import type { Call, Reply } from "../core/source.ts";
import { addCacheStatus, type CacheStatus } from "./cache_status.ts";
import { rangeResponse } from "./range_response.ts";
import { isNotModified, notModifiedHeaders } from "./conditional.ts";
import type { CacheEntry } from "./entry.ts";
import type { Fill } from "./fill.ts";
import { ageMs, statedLifetimeMs } from "./freshness.ts";
import { type CacheSettings, NO_DIRECTIVES, type Reuse, reuseOf } from "./reuse.ts";

/** The response to a lookup, before it becomes the reply to one client. */
export interface CacheResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Whether no one else has these headers: they need not be copied. */
  readonly hasOwnHeaders?: boolean;
  readonly body: Body;
  /** Present while the body is being stored: opens the body for each client. */
  readonly fill?: Fill;
  /** The stored response, when collapsed requests may share it. */
  readonly shared: CacheEntry | undefined;
  /** How long it stays fresh (ms); undefined when neither the response nor the config says. */
  readonly freshMs: number | undefined;
  readonly cacheStatus: CacheStatus;
  /** Its age (ms); undefined when it comes straight from the origin. */
  readonly ageMs?: number;
  /** Whether it is stale, and served because the origin failed. */
  readonly isStale?: boolean;
  /** Whether it was stored earlier, and is served because this request to the origin failed. */
  readonly isStaleOnError?: boolean;
}

const EMPTY = Body.of(new Uint8Array());

/** Reuses a stored response. */
export function fromStored(
  entry: CacheEntry,
  { remainingMs }: Reuse,
  settings: CacheSettings,
  now: number,
): CacheResponse {
  return {
    status: entry.status,
    headers: entry.headers,
    body: entry.body,
    shared: undefined,
    freshMs: statesFreshness(entry, settings) ? remainingMs : undefined,
    cacheStatus: { hit: true, ttlS: seconds(remainingMs) },
    ageMs: ageMs(entry, now),
  };
}

/** Serves a stored response because the origin failed (RFC 5861 section 4). */
export function staleOnError(
  stored: CacheResponse,
  { fwd, fwdStatus }: CacheStatus,
): CacheResponse {
  const { ttlS } = stored.cacheStatus;
  const cacheStatus = {
    ...(fwd ? { fwd } : {}),
    ...(fwdStatus === undefined ? {} : { fwdStatus }),
    ...(ttlS === undefined ? {} : { ttlS }),
  };
  return { ...stored, cacheStatus, isStale: true, isStaleOnError: true };
}

/**
 * A response that has just been received or validated, and is being stored. Collapsed requests may
 * share it however short its freshness (RFC 9111 section 4), unless each use must be validated. One
 * without stated freshness may be meant for one client, and is not shared.
 */
export function fromOrigin(
  entry: CacheEntry,
  settings: CacheSettings,
  cacheStatus: CacheStatus,
  now: number,
): CacheResponse {
  const { use, remainingMs, mustValidate } = reuseOf(entry, NO_DIRECTIVES, settings, { now });
  const hasStatedFreshness = statesFreshness(entry, settings);
  const isShared = !mustValidate && (hasStatedFreshness || use !== "validate");
  return {
    status: entry.status,
    headers: entry.headers,
    body: entry.body,
    shared: isShared ? entry : undefined,
    freshMs: hasStatedFreshness ? remainingMs : undefined,
    cacheStatus: { ...cacheStatus, ttlS: seconds(remainingMs), isStored: true },
    ...(cacheStatus.fwdStatus === 304 ? { ageMs: ageMs(entry, now) } : {}),
  };
}

/**
 * Makes the reply to one client: 304, HEAD, ranges, `Age` and `Cache-Status`.
 * @param cache the cache's name in `Cache-Status`
 */
export function replyTo(
  { method, headers: request }: Call,
  response: CacheResponse,
  cache: string,
  now: number,
): Reply | Promise<Reply> {
  const { status, freshMs, cacheStatus, isStale = false } = response;
  const headers = response.hasOwnHeaders ? response.headers : copyHeaders(response.headers);
  if (response.ageMs !== undefined) headers.set("age", String(seconds(response.ageMs)));
  addCacheStatus(headers, cache, cacheStatus);
  const { hit: isHit = false, isCollapsed } = cacheStatus;
  const cached = { isHit, isStale, isCollapsed, freshMs };
  if ((status === 200 || status === 206) && isNotModified(request, headers, now)) {
    discard(response);
    return { status: 304, headers: notModifiedHeaders(headers), body: EMPTY, cached };
  }
  if (method === "HEAD") {
    // A stored response knows the length of GET; a HEAD reply of the origin states its own.
    const { length } = cacheStatus.hit && !response.fill ? response.body : {};
    if (length !== undefined) headers.set("content-length", String(length));
    return { status, headers, body: EMPTY, cached };
  }
  const body = response.fill?.open() ?? response.body;
  const isStored = cacheStatus.hit || cacheStatus.isStored || isStale;
  if (status === 200 && isStored && body.isWhole && request.has("range")) {
    return body.bytes(Infinity).then((bytes) => ({
      ...rangeResponse(request, headers, bytes) ?? { status, headers, body },
      cached,
    }));
  }
  return { status, headers, body, cached };
}

/** Cancels the body, unless others may read it. */
export function discard({ body, fill }: CacheResponse): void {
  if (!fill) body.cancel();
}

/** The reply to `only-if-cached` on a miss (RFC 9111 section 5.2.1.7). */
export function onlyIfCachedMiss(): Reply {
  return { status: 504, headers: FieldList.of({ "cache-control": "no-store" }), body: EMPTY };
}

/** Whether the response or the config states a freshness lifetime; a heuristic one does not count. */
function statesFreshness(entry: CacheEntry, { ttlMs }: CacheSettings): boolean {
  return ttlMs !== undefined || statedLifetimeMs(entry) !== undefined;
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
