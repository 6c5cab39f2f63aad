import type { Clock } from "../core/clock.ts";
import { StoreTimeout } from "../store/store_timeout.ts";
import { within } from "../core/within.ts";
import type { CacheEntry } from "./entry.ts";
import type { MemoryTier } from "./memory_tier.ts";
import type { CacheTier } from "./tier.ts";

/** What the store behind the memory needs. */
export interface TwoTiersOptions {
  readonly memory: MemoryTier;
  readonly store: CacheTier;
  readonly clock: Clock;
  /** What one call of the store may take (ms); longer is a miss. */
  readonly timeoutMs: number;
  /** Told of what the store failed with. */
  readonly onError: (error: unknown) => void;
}

/** How long a store that failed is left alone (ms): each miss would wait for it again. */
const OPEN_MS = 1_000;
/** What is kept goes to the store behind the client's back, and may take longer. */
const WRITE_TIMEOUT_FACTOR = 10;
/** Of so many uses of what is in memory the store hears of one. */
const TOUCH_EVERY = 64;

/** Memory over a store: what was read once is in memory, so a process that starts cold is soon warm. */
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
    // What is used often is met by chance: telling the store of each use would cost more than the use.
    if (++this.#uses % TOUCH_EVERY === 0) this.#touch(key, request);
    return entry;
  }

  set(key: string, entry: CacheEntry, keepMs: number): void {
    const { memory, store } = this.#options;
    memory.set(key, entry);
    this.#bounded(() => store.set(key, entry, keepMs), WRITE_TIMEOUT_FACTOR);
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

  /** Lets the store know of a use, one at a time. */
  async #touch(key: string, request: Headers): Promise<void> {
    if (this.#isTouching) return;
    this.#isTouching = true;
    await this.#bounded(() => this.#options.store.touch?.(key, request));
    this.#isTouching = false;
  }

  async #read(key: string, request: Headers): Promise<CacheEntry | undefined> {
    const { memory, store } = this.#options;
    const entry = await this.#bounded(() => store.get(key, request));
    // What was kept meanwhile is newer.
    const newer = memory.get(key, request);
    if (entry && !newer) memory.set(key, entry);
    return newer ?? entry;
  }

  /** What the store does within its time; undefined when it fails, which is a miss and no error. */
  async #bounded<T>(ask: () => Promise<T> | T, times = 1): Promise<T | undefined> {
    const { clock, timeoutMs, onError } = this.#options;
    if (clock.monotonic() < this.#openUntil) return undefined;
    const ms = timeoutMs * times;
    try {
      return await within(Promise.try(ask), ms, clock, () => new StoreTimeout(ms));
    } catch (error) {
      this.#openUntil = clock.monotonic() + OPEN_MS;
      onError(error);
    }
  }
}
