import type { BucketLevel } from "../../lib/limiter/bucket.ts";
import type { BucketWrite, StoredBucket } from "../../lib/limiter/stores/bucket_store.ts";
import type { VirtualClock } from "./virtual_clock.ts";

interface Entry {
  readonly level: BucketLevel;
  readonly version: string;
  readonly expiresAt: number;
}

/** The store that all processes share: compare and set on versions, and a queue of commits. */
export class SharedStore {
  /** Number of commits. */
  commits = 0;
  /** Number of commits that conflicted. */
  conflicts = 0;
  /** Number of reads. */
  reads = 0;
  readonly #clock: VirtualClock;
  readonly #commitMs: number;
  readonly #entries = new Map<string, Entry>();
  #versions = 0;
  #freeAt = 0;

  /** @param capacity commits per second */
  constructor(clock: VirtualClock, capacity: number) {
    this.#clock = clock;
    this.#commitMs = 1_000 / capacity;
  }

  read(keys: readonly string[]): StoredBucket[] {
    this.reads++;
    return keys.map((key) => this.#get(key));
  }

  /** Queues, then writes all; nothing if one has changed. */
  async commit(writes: readonly BucketWrite[]): Promise<string | undefined> {
    this.commits++;
    if (this.#commitMs > 0) {
      const now = this.#clock.monotonic();
      this.#freeAt = Math.max(now, this.#freeAt) + this.#commitMs;
      await this.#clock.sleep(this.#freeAt - now);
    }
    if (writes.some(({ key, version }) => this.#get(key).version !== version)) {
      this.conflicts++;
      return undefined;
    }
    const version = String(++this.#versions);
    // Expires as early as allowed, so that a run fails if a record is needed for longer.
    for (const { key, level, lifetimeMs } of writes) {
      this.#entries.set(key, { level, version, expiresAt: this.#clock.monotonic() + lifetimeMs });
    }
    return version;
  }

  #get(key: string): StoredBucket {
    const entry = this.#entries.get(key);
    if (entry && entry.expiresAt > this.#clock.monotonic()) return entry;
    return { level: undefined, version: null };
  }
}
