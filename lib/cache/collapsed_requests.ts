import { SingleFlight } from "../async/single_flight.ts";
import type { Clock } from "../core/clock.ts";
import { LruCache } from "../core/lru_cache.ts";
import type { Context } from "../core/source.ts";
import type { CacheResponse } from "./cache_response.ts";
import type { CacheEntry } from "./entry.ts";
import { ExpiringKeys } from "./expiring_keys.ts";
import { urlOf } from "./key.ts";
import { type Lookup, mayServe, sharingKey } from "./lookup.ts";
import type { Purges } from "./purges.ts";
import { reuseOf } from "./reuse.ts";
import type { StoredResponses } from "./stored_responses.ts";
import { selectionKey, varyNames } from "./variants.ts";

/** Dependencies of {@linkcode CollapsedRequests}. */
export interface CollapsedRequestsOptions {
  readonly stored: StoredResponses;
  readonly purges: Purges;
  readonly clock: Clock;
}

/** A response that is being stored while its body streams. */
export interface FillInProgress {
  readonly entry: CacheEntry;
  readonly response: CacheResponse;
}

/** A forwarded request in flight. */
class Flight extends SingleFlight<CacheResponse> {
  constructor(
    readonly flights: Map<string, Flight>,
    readonly key: string,
    ctx: Context,
    readonly forward: (ctx: Context) => Promise<CacheResponse>,
    /** Wall clock (ms since 1970). */
    readonly startedAt: number,
  ) {
    super(ctx);
  }

  protected work(ctx: Context): Promise<CacheResponse> {
    return this.forward(ctx);
  }

  protected over(): void {
    if (this.flights.get(this.key) === this) this.flights.delete(this.key);
  }
}

const NO_HEADERS = new Headers();
/** How long requests are not collapsed after a response that could not be shared (ms). */
const UNSHARED_MS = 60_000;
const MAX_UNSHARED = 10_000;
const MAX_VARIED = 10_000;

/**
 * Collapsed requests (RFC 9111 section 4): requests that would get the same response share one
 * forwarded request, or the response that is still streaming.
 */
export class CollapsedRequests {
  readonly #options: CollapsedRequestsOptions;
  readonly #flights = new Map<string, Flight>();
  /** By key. */
  readonly #fills = new Map<string, Set<FillInProgress>>();
  /** Keys whose last response could not be shared: nothing is gained by waiting for the next. */
  readonly #unshared: ExpiringKeys;
  /** The request headers that last selected a response under a key; absent for none. */
  readonly #varyNames = new LruCache<string, readonly string[]>({ maxEntries: MAX_VARIED });

  constructor(options: CollapsedRequestsOptions) {
    this.#options = options;
    this.#unshared = new ExpiringKeys(
      MAX_UNSHARED,
      UNSHARED_MS,
      () => options.clock.monotonic(),
    );
  }

  /** Requests with this key may share one forwarded request: they select the same response. */
  flightKey({ key, call }: Lookup): string {
    const names = this.#varyNames.get(key);
    return names ? `${key} ${selectionKey(names, call.headers)}` : key;
  }

  /** The forwarded request in flight; undefined for one sent before its URL was invalidated. */
  flightFor({ url }: Lookup, flightKey: string): SingleFlight<CacheResponse> | undefined {
    const flight = this.#flights.get(flightKey);
    if (flight === undefined) return undefined;
    const isInvalidated = this.#options.stored.isInvalidated({
      url,
      headers: NO_HEADERS,
      requestedAt: flight.startedAt,
    });
    return isInvalidated ? undefined : flight;
  }

  /** Starts a flight that others may join, and waits for its response. */
  lead(
    flightKey: string,
    ctx: Context,
    forward: (ctx: Context) => Promise<CacheResponse>,
  ): Promise<CacheResponse> {
    const startedAt = this.#options.clock.wall();
    const flight = new Flight(this.#flights, flightKey, ctx, forward, startedAt);
    this.#flights.set(flightKey, flight);
    const response = flight.join(ctx);
    flight.run();
    return response;
  }

  /** The streaming response that may serve this request, as fresh as a stored one has to be. */
  fillFor(lookup: Lookup): CacheResponse | undefined {
    const { key, requested, settings } = lookup;
    const fills = this.#fills.get(key);
    if (fills === undefined) return undefined;
    const moment = { now: this.#options.clock.wall() };
    for (const { entry, response } of fills) {
      if (!this.mayShare(response, lookup)) continue;
      const { use } = reuseOf(entry, requested, settings, moment);
      if (use === "fresh" || use === "stale") return response;
    }
  }

  /** Adds a streaming response; returns what removes it. */
  addFill({ key }: Lookup, fill: FillInProgress): () => void {
    const fills = this.#fills.get(key) ?? new Set();
    this.#fills.set(key, fills.add(fill));
    return () => {
      fills.delete(fill);
      if (fills.size === 0 && this.#fills.get(key) === fills) this.#fills.delete(key);
    };
  }

  /** Offers the streaming responses of an invalidated URL to no further request. */
  removeFills(url: string): void {
    for (const key of this.#fills.keys()) if (urlOf(key) === url) this.#fills.delete(key);
  }

  /** Whether a response to another request may serve this one too. */
  mayShare({ shared }: CacheResponse, lookup: Lookup): boolean {
    return shared !== undefined && !this.#options.purges.check(shared) &&
      shared.selection === selectionKey(varyNames(shared.headers), lookup.call.headers) &&
      mayServe(lookup, shared.headers);
  }

  /**
   * Whether a request for which nothing is stored is forwarded at once, for itself alone: the response
   * to a GET during a long run of responses that could not be shared either.
   */
  isPassedOn({ call, key, isRange, isInMemoryAlone }: Lookup): boolean {
    return isInMemoryAlone && call.method === "GET" && !isRange && !this.#fills.has(key);
  }

  /** Whether the last response to such a request could not be shared. */
  isUnshared(lookup: Lookup): boolean {
    return this.#unshared.has(sharingKey(lookup));
  }

  /** Remembers whether such requests can share a response, and which headers select it. */
  record(lookup: Lookup, { shared }: CacheResponse): void {
    const { key, requested, isRange, run } = lookup;
    if (shared) {
      this.#unshared.delete(sharingKey(lookup));
      const names = varyNames(shared.headers);
      if (names.length > 0) this.#varyNames.set(key, names);
      else this.#varyNames.delete(key);
    } else if (!requested.has("no-store") && !isRange && !run.isLong) {
      this.#unshared.add(sharingKey(lookup));
    }
  }
}
