import type { Clock } from "../core/clock.ts";
import type { StoreGuard } from "../store/store_guard.ts";
import type { Purge, Purges } from "./purges.ts";
import { MAX_STORE_MS } from "./stored_responses.ts";
import type { MemoryTier } from "./memory_tier.ts";
import type { CacheStore } from "./store.ts";

/** Dependencies of {@linkcode SharedPurges}. */
export interface SharedPurgesOptions {
  /** The responses and purges of this process. */
  readonly memory: MemoryTier;
  readonly purges: Purges;
  readonly clock: Clock;
  readonly guard: Pick<StoreGuard, "admits" | "call">;
}

/** How often purges are read (ms): one takes effect everywhere within a second. */
const READ_INTERVAL_MS = 800;
/**
 * How long a change at an origin stays published (ms). A process that has read nothing for so long
 * clears its memory.
 */
const CHANGE_LIFETIME_MS = 600_000;
/** Changes are published in batches: the interval (ms) and the size. */
const BATCH_INTERVAL_MS = 100;
const MAX_BATCH = 200;
/** Changes that are remembered while they cannot be published. */
const MAX_UNPUBLISHED = 10_000;

/** Publishes the purges of this process, and reads those of others. */
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

  /** Reads new purges when they are due; undefined when they are not. */
  refresh(): Promise<void> | undefined {
    const { clock, guard } = this.#options;
    if (clock.monotonic() < this.#nextReadAt) return undefined;
    if (!this.#reading && !guard.admits("read")) return undefined;
    return this.#reading ??= this.#readNew();
  }

  /** Publishes purges; false when that failed. */
  async publish(purges: readonly Purge[], lifetimeMs: number): Promise<boolean> {
    const { guard } = this.#options;
    const adding = guard.call("write", () => this.#store.add(purges, lifetimeMs));
    return await adding.then(() => true, () => false);
  }

  /**
   * Publishes a change at an origin, in a batch with others. Those that failed are published with the
   * next.
   */
  async publishChange(change: Purge): Promise<void> {
    this.#changes.push(change);
    if (this.#isPublishing) return;
    this.#isPublishing = true;
    while (this.#changes.length > 0) {
      const changes = this.#changes.slice(0, MAX_BATCH);
      const isPublished = await this.publish(changes, CHANGE_LIFETIME_MS);
      if (!isPublished) break;
      this.#changes.splice(0, changes.length);
      if (this.#changes.length > 0) await this.#options.clock.sleep(BATCH_INTERVAL_MS);
    }
    this.#changes.splice(0, this.#changes.length - MAX_UNPUBLISHED);
    this.#isPublishing = false;
  }

  async #readNew(): Promise<void> {
    const { memory, purges, clock, guard } = this.#options;
    const reading = guard.call("read", async () => await this.#store.readNew());
    const added = await reading.catch(() => undefined);
    const now = clock.monotonic();
    this.#nextReadAt = now + READ_INTERVAL_MS;
    if (added) {
      if (now - this.#readAt > CHANGE_LIFETIME_MS) memory.clear();
      this.#readAt = now;
      for (const purge of added) purges.add(purge);
      purges.forgetBefore(clock.wall() - MAX_STORE_MS);
    }
    this.#reading = undefined;
  }
}
