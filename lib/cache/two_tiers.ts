import type { Clock } from "../core/clock.ts";
import { StoreTimeout } from "../store/store_timeout.ts";
import { within } from "../core/within.ts";
import type { CacheEntry } from "./entry.ts";
import type { MemoryTier } from "./memory_tier.ts";
import type { CacheTier } from "./tier.ts";

/** What memory over a store needs. */
export interface TwoTiersOptions {
  readonly memory: MemoryTier;
  readonly store: CacheTier;
  readonly clock: Clock;
  /** Timeout of one call to the store (ms); after it, a miss. */
  readonly timeoutMs: number;
  /** Called with failures of the store. */
  readonly onError: (error: unknown) => void;
}

/** How long no call is made after a failure (ms): each miss would wait for it again. */
const OPEN_MS = 1_000;
/** Writes happen in the background, and may take longer. */
const WRITE_TIMEOUT_FACTOR = 10;
/** One in this many hits in memory is recorded in the store. */
const TOUCH_EVERY = 64;

/** Memory over a store: what was read once stays in memory, so a cold process is soon warm. */
export class TwoTiers implements CacheTier {
  readonly #options: TwoTiersOptions;
  #openUntil = -Infinity;
  #uses = 0;
  #isTouching = false;

  constructor(options: TwoTiersOptions) {
    this.#options = options;
  }

  get(
    key: string,
    request: Headers,
  ): CacheEntry | undefined | Promise<CacheEntry | undefined> {
    const entry = this.#options.memory.get(key, request);
    if (entry === undefined) return this.#read(key, request);
    // A sample finds what is used often; recording each use would cost more than the use itself.
    if (++this.#uses % TOUCH_EVERY === 0) this.#touch(key, request);
    return entry;
  }

  set(key: string, entry: CacheEntry, lifetimeMs: number): void {
    const { memory, store } = this.#options;
    memory.set(key, entry);
    this.#bounded(() => store.set(key, entry, lifetimeMs), WRITE_TIMEOUT_FACTOR);
  }

  has(key: string): boolean {
    return this.#options.memory.has(key);
  }

  async delete(key: string): Promise<void> {
    const { memory, store } = this.#options;
    memory.delete(key);
    await this.#bounded(() => store.delete(key));
  }

  async invalidate(url: string): Promise<void> {
    const { memory, store } = this.#options;
    memory.invalidate(url);
    await this.#bounded(() => store.invalidate(url));
  }

  /** Records a use in the store, one at a time. */
  async #touch(key: string, request: Headers): Promise<void> {
    if (this.#isTouching) return;
    this.#isTouching = true;
    await this.#bounded(() => this.#options.store.touch?.(key, request));
    this.#isTouching = false;
  }

  async #read(key: string, request: Headers): Promise<CacheEntry | undefined> {
    const { memory, store } = this.#options;
    const entry = await this.#bounded(() => store.get(key, request));
    // What was stored meanwhile is newer.
    const newer = memory.get(key, request);
    if (entry && !newer) memory.set(key, entry);
    return newer ?? entry;
  }

  /** Calls the store within its timeout; undefined when that fails. */
  async #bounded<T>(call: () => Promise<T> | T, times = 1): Promise<T | undefined> {
    const { clock, timeoutMs, onError } = this.#options;
    if (clock.monotonic() < this.#openUntil) return undefined;
    const ms = timeoutMs * times;
    try {
      return await within(Promise.try(call), ms, clock, () => new StoreTimeout(ms));
    } catch (error) {
      this.#openUntil = clock.monotonic() + OPEN_MS;
      onError(error);
    }
  }
}
