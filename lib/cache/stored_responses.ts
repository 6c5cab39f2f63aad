import type { Clock } from "../core/clock.ts";
import { LruCache } from "../core/lru_cache.ts";
import type { Forwarded } from "./cache_status.ts";
import type { CacheEntry } from "./entry.ts";
import { type Lookup, mayServe } from "./lookup.ts";
import type { Purges } from "./purges.ts";
import { NO_REUSE, type Reuse, reuseOf, usableMs } from "./reuse.ts";
import type { CacheTier } from "./tier.ts";

/** Dependencies of {@linkcode StoredResponses}. */
export interface StoredResponsesOptions {
  readonly tier: CacheTier;
  readonly purges: Purges;
  /** Reads the purges of other processes; runs before a stored response is reused. */
  readonly refreshPurges: () => Promise<void> | void;
  /** Purges a URL in every process. */
  readonly purge: (url: string) => void;
  readonly clock: Clock;
}

/** A stored response, and how it may be reused for the request at hand. */
export interface StoredResponse {
  readonly entry: CacheEntry;
  readonly reuse: Reuse;
}

/** How long a response requested before an invalidation, and received after it, is not stored (ms). */
const INVALIDATED_MS = 60_000;
const MAX_INVALIDATED = 10_000;
/** How long a response with a validator stays stored past its last use, for validation (ms). */
const VALIDATABLE_MS = 3_600_000;
/** The longest that a response is stored, and that a purge is remembered (ms). */
export const MAX_STORE_MS = 7 * 86_400_000;

/** Finds, stores and invalidates whole responses (RFC 9111 sections 3 and 4). */
export class StoredResponses {
  readonly #options: StoredResponsesOptions;
  /** When each URL was last invalidated (ms since 1970), and until when that counts (monotonic). */
  readonly #invalidated = new LruCache<string, { readonly at: number; readonly until: number }>({
    maxEntries: MAX_INVALIDATED,
  });

  constructor(options: StoredResponsesOptions) {
    this.#options = options;
  }

  /** The stored response for a request, and how it may be reused; undefined for none. */
  find(
    lookup: Lookup,
  ): StoredResponse | undefined | Promise<StoredResponse | undefined> {
    const refreshing = this.#options.refreshPurges();
    if (refreshing) return refreshing.then(() => this.#find(lookup));
    return this.#find(lookup);
  }

  /** The same for a lookup in memory alone that found nothing: searches the store. */
  async findInStore(lookup: Lookup): Promise<StoredResponse | undefined> {
    const entry = await this.#options.tier.get(lookup.key, lookup.call.headers);
    return entry && await this.#reusable(lookup, entry);
  }

  #find(lookup: Lookup): StoredResponse | undefined | Promise<StoredResponse | undefined> {
    const { key, call, isInMemoryAlone } = lookup;
    const { tier } = this.#options;
    const entry = isInMemoryAlone && tier.getInMemory
      ? tier.getInMemory(key, call.headers)
      : tier.get(key, call.headers);
    if (entry instanceof Promise) {
      return entry.then((entry) => entry && this.#reusable(lookup, entry));
    }
    return entry && this.#reusable(lookup, entry);
  }

  /** How a stored response may be reused; undefined when it no longer counts. */
  #reusable(
    lookup: Lookup,
    entry: CacheEntry,
  ): StoredResponse | undefined | Promise<undefined> {
    const { key, requested, settings } = lookup;
    const { tier, purges, clock } = this.#options;
    const now = clock.wall();
    if (now - entry.receivedAt > MAX_STORE_MS) return undefined;
    const purged = purges.check(entry);
    if (purged?.isGone) return Promise.resolve(tier.delete(key)).then(() => undefined);
    const moment = purged ? { now, endedAt: purged.at } : { now };
    const reuse = mayServe(lookup, entry.headers)
      ? reuseOf(entry, requested, settings, moment)
      : NO_REUSE;
    return { entry, reuse };
  }

  /** Stores a response for as long as it can be of use; not one that was invalidated meanwhile. */
  store({ key, settings }: Lookup, entry: CacheEntry): void {
    if (this.isInvalidated(entry)) return;
    const { tier, clock } = this.#options;
    const isValidatable = entry.headers.has("etag") || entry.headers.has("last-modified");
    const ms = usableMs(entry, settings, clock.wall()) + (isValidatable ? VALIDATABLE_MS : 0);
    if (ms > 0) tier.set(key, entry, Math.min(MAX_STORE_MS, ms));
  }

  /** Whether a response was invalidated or purged after its request was sent. */
  isInvalidated(response: Pick<CacheEntry, "url" | "headers" | "requestedAt">): boolean {
    const { clock, purges } = this.#options;
    const invalidated = this.#invalidated.get(response.url);
    const counts = invalidated !== undefined && clock.monotonic() < invalidated.until;
    return (counts && invalidated.at >= response.requestedAt) ||
      purges.check(response) !== undefined;
  }

  /** Invalidates every response of a URL, in every process (RFC 9111 section 4.4). */
  async invalidate(url: string): Promise<void> {
    const { tier, purge, clock } = this.#options;
    const until = clock.monotonic() + INVALIDATED_MS;
    this.#invalidated.set(url, { at: clock.wall(), until });
    await tier.invalidate(url);
    purge(url);
  }

  /** Deletes what is stored under a request's key. */
  async delete({ key }: Lookup): Promise<void> {
    await this.#options.tier.delete(key);
  }

  /** Why a request is forwarded (RFC 9211 section 2.2). */
  forwardReason({ key }: Lookup, stored: StoredResponse | undefined): Forwarded {
    if (stored === undefined) return this.#options.tier.has?.(key) ? "vary-miss" : "uri-miss";
    if (stored.reuse.use === "none") return "bypass";
    return stored.reuse.isRequested ? "request" : "stale";
  }
}
