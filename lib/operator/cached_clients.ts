import { type ClientDirectory, keyHash, type KnownClient } from "./client_directory.ts";
import type { Clock } from "../core/clock.ts";
import { LruCache } from "../core/lru_cache.ts";

/** What the store said of a key, and until when that is used without another lookup (monotonic ms). */
interface CachedClient {
  readonly client: KnownClient | undefined;
  until: number;
}

/** How long a known client is cached (ms): a record changed by hand takes effect after it. */
const KNOWN_MS = 60_000;
/** How long an unknown key is cached (ms): a record written by hand takes effect after it. */
const UNKNOWN_MS = 1_000;
/** How many known clients are cached, and as many unknown keys, so that guesses evict no client. */
const MAX_ENTRIES = 10_000;

/**
 * Caches the store's clients: one lookup for each key, until clients change. While the store fails,
 * the last known result is used.
 */
export class CachedClients implements ClientDirectory {
  readonly #known = new LruCache<string, CachedClient>({ maxEntries: MAX_ENTRIES });
  readonly #unknown = new LruCache<string, CachedClient>({ maxEntries: MAX_ENTRIES });
  /** The lookups under way. Replaced when clients change: the result of an older one is not cached. */
  #lookups = new Map<string, Promise<KnownClient | undefined>>();
  readonly #lookup: (hash: string) => Promise<KnownClient | undefined>;
  readonly #clock: Clock;

  /** @param lookup finds the client with that key hash in the store; rejects at once while it is away */
  constructor(lookup: (hash: string) => Promise<KnownClient | undefined>, clock: Clock) {
    this.#lookup = lookup;
    this.#clock = clock;
  }

  find(key: string): KnownClient | undefined | Promise<KnownClient | undefined> {
    const hash = keyHash(key);
    const cached = this.#cached(hash);
    if (cached && this.#clock.monotonic() < cached.until) return cached.client;
    const lookup = this.#lookups.get(hash) ?? this.#find(hash, cached);
    this.#lookups.set(hash, lookup);
    return lookup;
  }

  /** Looks every client up again from now on, because clients have changed. */
  forget(): void {
    for (const cache of [this.#known, this.#unknown]) {
      for (const [, cached] of cache.entries()) cached.until = -Infinity;
    }
    this.#lookups = new Map();
  }

  async #find(hash: string, last: CachedClient | undefined): Promise<KnownClient | undefined> {
    const lookups = this.#lookups;
    try {
      const client = await this.#lookup(hash);
      if (this.#lookups === lookups) this.#store(hash, client);
      return client;
    } catch (error) {
      if (last === undefined) throw error;
      return last.client;
    } finally {
      lookups.delete(hash);
    }
  }

  #cached(hash: string): CachedClient | undefined {
    return this.#known.get(hash) ?? this.#unknown.get(hash);
  }

  #store(hash: string, client: KnownClient | undefined): void {
    const [to, from] = client ? [this.#known, this.#unknown] : [this.#unknown, this.#known];
    from.delete(hash);
    const cachedMs = client ? KNOWN_MS : UNKNOWN_MS;
    to.set(hash, { client, until: this.#clock.monotonic() + cachedMs });
  }
}
