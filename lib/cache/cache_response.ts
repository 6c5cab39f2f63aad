import { Body } from "../core/body.ts";
import { copyHeaders } from "../http/copy_headers.ts";
import type { Call, Reply } from "../core/source.ts";
import { addCacheStatus, type CacheStatus } from "./cache_status.ts";
import { rangeResponse } from "./range_response.ts";
import { isNotModified, notModifiedHeaders } from "./conditional.ts";
import type { CacheEntry } from "./entry.ts";
import type { Fill } from "./fill.ts";
import { ageMs, statedLifetimeMs } from "./freshness.ts";
import { type CacheSettings, type Reuse, reuseOf } from "./reuse.ts";

/** What a request to the cache came to, before it is made an answer to one client. */
export interface CacheResponse {
  readonly status: number;
  readonly headers: Headers;
  /** The body, for one client at a time. */
  readonly open: () => Body;
  /** Leaves the body to those who read it. */
  readonly discard: () => void;
  /** Present while the body is still coming. */
  readonly fill?: Fill;
  /** What it is as a stored response, when others who waited for it may have it too. */
  readonly shared: CacheEntry | undefined;
  /** How long it stays fresh (ms); undefined when neither it nor the config says. */
  readonly freshMs: number | undefined;
  readonly cacheStatus: CacheStatus;
  /** How old it is (ms); undefined when it comes straight from the origin. */
  readonly ageMs?: number;
  /** Whether it is out of date, and serves because no new one can be had. */
  readonly isStale?: boolean;
  /** Whether it was stored before, and serves because the origin failed this time. */
  readonly isStaleOnError?: boolean;
}

const EMPTY = Body.of(new Uint8Array());
const NO_HEADERS = new Headers();

/** An answer that was kept. */
export function fromStored(
  entry: CacheEntry,
  { remainingMs }: Reuse,
  settings: CacheSettings,
  now: number,
): CacheResponse {
  return {
    status: entry.status,
    headers: entry.headers,
    open: () => entry.body,
    discard: () => {},
    shared: undefined,
    freshMs: saysFreshness(entry, settings) ? remainingMs : undefined,
    cacheStatus: { hit: true, ttlS: seconds(remainingMs) },
    ageMs: ageMs(entry, now),
  };
}

/** An answer that was kept, and serves because the origin cannot answer. */
export function staleOnError(
  kept: CacheResponse,
  { fwd, fwdStatus }: CacheStatus,
): CacheResponse {
  const { ttlS } = kept.cacheStatus;
  const cacheStatus = {
    ...(fwd ? { fwd } : {}),
    ...(fwdStatus === undefined ? {} : { fwdStatus }),
    ...(ttlS === undefined ? {} : { ttlS }),
  };
  return { ...kept, cacheStatus, isStale: true, isStaleOnError: true };
}

/**
 * An answer that has just come, or was just found unchanged, and is being kept. Those who waited for
 * it may have it however short it stays fresh (RFC 9111 section 4: collapsed requests), unless it is
 * to be validated each time. One of which nobody says how long it is fresh may be for one client
 * alone, and is not shared.
 */
export function fromOrigin(
  entry: CacheEntry,
  settings: CacheSettings,
  cacheStatus: CacheStatus,
  now: number,
): CacheResponse {
  const { use, remainingMs, mustValidate } = reuseOf(entry, NO_HEADERS, settings, { now });
  const saysHowLong = saysFreshness(entry, settings);
  const isShared = !mustValidate && (saysHowLong || use !== "validate");
  return {
    status: entry.status,
    headers: entry.headers,
    open: () => entry.body,
    discard: () => {},
    shared: isShared ? entry : undefined,
    freshMs: saysHowLong ? remainingMs : undefined,
    cacheStatus: { ...cacheStatus, ttlS: seconds(remainingMs), isStored: true },
    ...(cacheStatus.fwdStatus === 304 ? { ageMs: ageMs(entry, now) } : {}),
  };
}

/**
 * What one client gets.
 * @param cache what the cache calls itself
 */
export function replyTo(
  { method, headers: request }: Call,
  fetched: CacheResponse,
  cache: string,
  now: number,
): Reply | Promise<Reply> {
  const { status, freshMs, cacheStatus, isStale = false } = fetched;
  const headers = copyHeaders(fetched.headers);
  if (fetched.ageMs !== undefined) headers.set("age", String(seconds(fetched.ageMs)));
  addCacheStatus(headers, cache, cacheStatus);
  const cached = { isHit: cacheStatus.hit ?? false, isStale, freshMs };
  if ((status === 200 || status === 206) && isNotModified(request, headers, now)) {
    fetched.discard();
    return { status: 304, headers: notModifiedHeaders(headers), body: EMPTY, cached };
  }
  if (method === "HEAD") {
    // What is stored tells how long GET is; what the origin said to HEAD has said it itself.
    const { length } = cacheStatus.hit && !fetched.fill ? fetched.open() : {};
    if (length !== undefined) headers.set("content-length", String(length));
    return { status, headers, body: EMPTY, cached };
  }
  const body = fetched.open();
  const isStored = cacheStatus.hit || cacheStatus.isStored || isStale;
  if (status === 200 && isStored && body.isWhole && request.has("range")) {
    return body.bytes(Infinity).then((bytes) => ({
      ...rangeResponse(request, headers, bytes) ?? { status, headers, body },
      cached,
    }));
  }
  return { status, headers, body, cached };
}

/** What a client gets that wants nothing but what is kept (RFC 9111 section 5.2.1.7). */
export function onlyIfCachedMiss(): Reply {
  return { status: 504, headers: new Headers({ "cache-control": "no-store" }), body: EMPTY };
}

/** Whether anybody has said how long the answer is fresh, and it is not just a guess. */
function saysFreshness(entry: CacheEntry, { ttlMs }: CacheSettings): boolean {
  return ttlMs !== undefined || statedLifetimeMs(entry) !== undefined;
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
