import { LRUCache } from "lru-cache";
import { type ClientDirectory, keyHash, type KnownClient } from "./client_directory.ts";
import type { Clock } from "../core/clock.ts";

/** An answer of the store, and until when it is believed (monotonic ms). */
interface CachedClient {
  readonly client: KnownClient | undefined;
  until: number;
}

/** How long an answer is believed at most (ms): a record changed by hand is felt after it. */
const BELIEVED_MS = 60_000;
/** The same of a key that nobody has: one written by hand is felt after it (ms). */
const UNKNOWN_MS = 1_000;
/** How long what is known has to do when the store could not be asked (ms). */
const REST_MS = 1_000;
/** How many keys are remembered of clients; and as many that are nobody's, which guessing makes. */
const MOST_REMEMBERED = 10_000;

/**
 * The clients that the store knows, each asked for once and remembered until clients change. While
 * the store is lost, what it said last holds.
 */
export class CachedClients implements ClientDirectory {
  readonly #known = new LRUCache<string, CachedClient>({ max: MOST_REMEMBERED });
  readonly #unknown = new LRUCache<string, CachedClient>({ max: MOST_REMEMBERED });
  /** Replaced when clients change: what was asked before that may be out of date. */
  #asking = new Map<string, Promise<KnownClient | undefined>>();
  readonly #ask: (hash: string) => Promise<KnownClient | undefined>;
  readonly #clock: Clock;

  /** @param ask who has a key with that hash, as the store says; bounded in time */
  constructor(ask: (hash: string) => Promise<KnownClient | undefined>, clock: Clock) {
    this.#ask = ask;
    this.#clock = clock;
  }

  find(key: string): KnownClient | undefined | Promise<KnownClient | undefined> {
    const hash = keyHash(key);
    const remembered = this.#remembered(hash);
    if (remembered && this.#clock.monotonic() < remembered.until) return remembered.client;
    const asking = this.#asking.get(hash) ?? this.#find(hash, remembered);
    this.#asking.set(hash, asking);
    return asking;
  }

  /** Clients have changed: each is asked for again. */
  forget(): void {
    for (const cache of [this.#known, this.#unknown]) {
      for (const remembered of cache.values()) remembered.until = -Infinity;
    }
    this.#asking = new Map();
  }

  async #find(hash: string, last: CachedClient | undefined): Promise<KnownClient | undefined> {
    const asking = this.#asking;
    try {
      const client = await this.#ask(hash);
      if (this.#asking === asking) this.#remember(hash, client);
      return client;
    } catch (error) {
      if (last === undefined) throw error;
      last.until = this.#clock.monotonic() + REST_MS;
      return last.client;
    } finally {
      asking.delete(hash);
    }
  }

  #remembered(hash: string): CachedClient | undefined {
    return this.#known.get(hash) ?? this.#unknown.get(hash);
  }

  #remember(hash: string, client: KnownClient | undefined): void {
    const [to, from] = client ? [this.#known, this.#unknown] : [this.#unknown, this.#known];
    from.delete(hash);
    const believedMs = client ? BELIEVED_MS : UNKNOWN_MS;
    to.set(hash, { client, until: this.#clock.monotonic() + believedMs });
  }
}
