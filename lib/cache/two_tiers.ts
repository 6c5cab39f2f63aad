import type { Clock } from "../core/clock.ts";
import type { StoreCallKind } from "../store/breaker.ts";
import type { StoreCallPace, StoreGuard } from "../store/store_guard.ts";
import type { CacheEntry } from "./entry.ts";
import type { MemoryTier } from "./memory_tier.ts";
import type { CacheTier } from "./tier.ts";

/** Dependencies of {@linkcode TwoTiers}. */
export interface TwoTiersOptions {
  readonly memory: MemoryTier;
  readonly store: CacheTier;
  /** Bounds the calls of the store; one that fails is a miss. */
  readonly guard: Pick<StoreGuard, "admits" | "call">;
  readonly clock: Pick<Clock, "monotonic">;
}

/** One in this many hits in memory is recorded in the store. */
const TOUCH_EVERY = 64;
/** And each response at most once in this time (ms): the store records uses by the minute. */
const TOUCH_MS = 60_000;

/** Memory over a store: what was read once stays in memory, so a cold process is soon warm. */
export class TwoTiers implements CacheTier {
  readonly #options: TwoTiersOptions;
  /** When the use of a response in memory was last recorded (monotonic ms). */
  readonly #touchedAt = new WeakMap<CacheEntry, number>();
  #uses = 0;
  #isTouching = false;

  constructor(options: TwoTiersOptions) {
    this.#options = options;
  }

  get(
    key: string,
    request: Headers,
  ): CacheEntry | undefined | Promise<CacheEntry | undefined> {
    return this.getInMemory(key, request) ?? this.#read(key, request);
  }

  getInMemory(key: string, request: Headers): CacheEntry | undefined {
    const entry = this.#options.memory.get(key, request);
    // A sample finds what is used often; recording each use would cost more than the use itself.
    if (entry && ++this.#uses % TOUCH_EVERY === 0) this.#touch(key, request, entry);
    return entry;
  }

  set(key: string, entry: CacheEntry, lifetimeMs: number): void {
    const { memory, store } = this.#options;
    memory.set(key, entry);
    this.#guarded("write", () => store.set(key, entry, lifetimeMs), "background");
  }

  has(key: string): boolean {
    return this.#options.memory.has(key);
  }

  async delete(key: string): Promise<void> {
    const { memory, store } = this.#options;
    memory.delete(key);
    await this.#guarded("write", () => store.delete(key));
  }

  async invalidate(url: string): Promise<void> {
    const { memory, store } = this.#options;
    memory.invalidate(url);
    await this.#guarded("write", () => store.invalidate(url));
  }

  /** Records a use in the store, one at a time. */
  async #touch(key: string, request: Headers, entry: CacheEntry): Promise<void> {
    const { clock, store } = this.#options;
    const now = clock.monotonic();
    if (this.#isTouching || now - (this.#touchedAt.get(entry) ?? -Infinity) < TOUCH_MS) return;
    this.#touchedAt.set(entry, now);
    this.#isTouching = true;
    await this.#guarded("write", () => store.touch?.(key, request));
    this.#isTouching = false;
  }

  async #read(key: string, request: Headers): Promise<CacheEntry | undefined> {
    const { memory, store } = this.#options;
    const entry = await this.#guarded("read", () => store.get(key, request));
    // What was stored meanwhile is newer.
    const newer = memory.get(key, request);
    if (entry && !newer) memory.set(key, entry);
    return newer ?? entry;
  }

  /** Calls the store through its guard; undefined when that fails, which the guard has logged. */
  async #guarded<T>(
    kind: StoreCallKind,
    call: () => Promise<T> | T,
    pace: StoreCallPace = "client",
  ): Promise<T | undefined> {
    const { guard } = this.#options;
    if (!guard.admits(kind)) return undefined;
    return await guard.call(kind, async () => await call(), pace).catch(() => undefined);
  }
}
