import type { Clock } from "../../core/clock.ts";
import type { BucketStore, BucketWrite, StoredBucket } from "./bucket_store.ts";

interface Entry extends StoredBucket {
  readonly expiresAt: number;
}

/** The number of buckets from which expired ones are swept. */
const FIRST_SWEEP = 1_000;

/** Buckets in the memory of this process. */
export class MemoryStore implements BucketStore {
  readonly maxWrites = Infinity;
  readonly concurrency = 1;
  readonly skewMs = 0;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  #version = 0;
  #sweepAt = FIRST_SWEEP;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  read(keys: readonly string[]): Promise<StoredBucket[]> {
    return Promise.resolve(keys.map((key) => this.#get(key)));
  }

  commit(writes: readonly BucketWrite[]): Promise<string | undefined> {
    if (writes.some((write) => !this.#isUnchanged(write))) return Promise.resolve(undefined);
    const version = String(++this.#version);
    for (const { key, level, lifetimeMs } of writes) {
      this.#entries.set(key, { level, version, expiresAt: this.#clock.monotonic() + lifetimeMs });
    }
    if (this.#entries.size > this.#sweepAt) this.#sweep();
    return Promise.resolve(version);
  }

  /** Deletes expired buckets; again when the number has doubled. */
  #sweep(): void {
    const now = this.#clock.monotonic();
    for (const [key, { expiresAt }] of this.#entries) {
      if (expiresAt <= now) this.#entries.delete(key);
    }
    this.#sweepAt = Math.max(FIRST_SWEEP, 2 * this.#entries.size);
  }

  /** Whether nobody wrote since; an expired bucket may be known as it was, or as none. */
  #isUnchanged({ key, version }: BucketWrite): boolean {
    const known = this.#entries.get(key)?.version;
    return (known !== undefined && version === known) || version === this.#get(key).version;
  }

  #get(key: string): StoredBucket {
    const entry = this.#entries.get(key);
    if (entry && entry.expiresAt > this.#clock.monotonic()) return entry;
    this.#entries.delete(key);
    return { level: undefined, version: null };
  }
}
