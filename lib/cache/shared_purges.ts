import type { Clock } from "../core/clock.ts";
import { StoreTimeout } from "../store/store_timeout.ts";
import { within } from "../core/within.ts";
import type { Purge, Purges } from "./purges.ts";
import { MAX_STORE_MS } from "./stored_responses.ts";
import type { MemoryTier } from "./memory_tier.ts";
import type { CacheStore } from "./store.ts";

/** What a process that shares its bans needs. */
export interface SharedPurgesOptions {
  /** What it keeps, and what it knows of bans. */
  readonly memory: MemoryTier;
  readonly purges: Purges;
  readonly clock: Clock;
  /** What one call of the store may take (ms). */
  readonly storeTimeoutMs: number;
  readonly onError: (error: unknown) => void;
}

/** How long what is known of bans is believed (ms): a purge is felt everywhere within a second. */
const READ_INTERVAL_MS = 800;
/** How long a store that failed is left alone (ms). */
const RETRY_AFTER_MS = 5_000;
/**
 * How long a change at an origin is told to other processes (ms). One that has not listened for so
 * long forgets what it has in memory.
 */
const CHANGE_LIFETIME_MS = 600_000;
/** Changes are told together: so often at most (ms), and so many at once. */
const BATCH_INTERVAL_MS = 100;
const MAX_BATCH = 200;
/** So many are remembered when they cannot be told. */
const MAX_UNPUBLISHED = 10_000;

/** What this process tells the others of bans, and hears from them. */
export class SharedPurges {
  readonly #store: CacheStore["purges"];
  readonly #options: SharedPurgesOptions;
  #readAt = -Infinity;
  #nextReadAt = -Infinity;
  #reading: Promise<void> | undefined;
  readonly #changes: Purge[] = [];
  #isPublishing = false;

  constructor(store: CacheStore["purges"], options: SharedPurgesOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Hears of new bans, when it is time to; undefined when what is known may be believed. */
  refresh(): Promise<void> | undefined {
    if (this.#options.clock.monotonic() < this.#nextReadAt) return undefined;
    return this.#reading ??= this.#readNew();
  }

  /** Tells the others of bans; whether they were told. What fails is logged. */
  async publish(bans: readonly Purge[], keepMs: number): Promise<boolean> {
    const added = this.#store.add(bans, keepMs).then(() => true);
    return await this.#bounded(added) ?? false;
  }

  /**
   * Tells the others, together with other changes, that an origin changed something. Those that
   * could not be told are told again with the next.
   */
  async publishChange(change: Purge): Promise<void> {
    this.#changes.push(change);
    if (this.#isPublishing) return;
    this.#isPublishing = true;
    while (this.#changes.length > 0) {
      const changes = this.#changes.slice(0, MAX_BATCH);
      const isTold = await this.publish(changes, CHANGE_LIFETIME_MS);
      if (!isTold) break;
      this.#changes.splice(0, changes.length);
      if (this.#changes.length > 0) await this.#options.clock.sleep(BATCH_INTERVAL_MS);
    }
    this.#changes.splice(0, this.#changes.length - MAX_UNPUBLISHED);
    this.#isPublishing = false;
  }

  async #readNew(): Promise<void> {
    const { memory, purges: bans, clock } = this.#options;
    const news = await this.#bounded(this.#store.readNew());
    const now = clock.monotonic();
    this.#nextReadAt = now + (news ? READ_INTERVAL_MS : RETRY_AFTER_MS);
    if (news) {
      if (now - this.#readAt > CHANGE_LIFETIME_MS) memory.clear();
      this.#readAt = now;
      for (const ban of news) bans.add(ban);
      bans.forgetBefore(clock.wall() - MAX_STORE_MS);
    }
    this.#reading = undefined;
  }

  async #bounded<T>(done: Promise<T>): Promise<T | undefined> {
    const { clock, storeTimeoutMs, onError } = this.#options;
    const late = () => new StoreTimeout(storeTimeoutMs);
    try {
      return await within(done, storeTimeoutMs, clock, late);
    } catch (error) {
      onError(error);
    }
  }
}
