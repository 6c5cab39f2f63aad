import { LruCache } from "../core/lru_cache.ts";
import type { BucketShape } from "./bucket.ts";
import { TrackedBucket } from "./tracked_bucket.ts";

/**
 * The buckets in memory: all that are in use, and the most recently used of the others. Dropping one
 * costs its next request a read; the store has its level.
 */
export class BucketTable {
  readonly #held = new Map<string, TrackedBucket>();
  readonly #idle: LruCache<string, TrackedBucket>;

  /** @param maxIdle how many are in memory besides those in use */
  constructor(maxIdle: number) {
    this.#idle = new LruCache({ maxEntries: maxIdle });
  }

  /** How many are in memory. */
  get size(): number {
    return this.#held.size + this.#idle.size;
  }

  /** The bucket of a key; a new one when it is not in memory. */
  get(key: string, shape: BucketShape): TrackedBucket {
    const known = this.#held.get(key) ?? this.#idle.get(key);
    if (known) return known;
    const bucket = new TrackedBucket(key, shape);
    this.#idle.set(key, bucket);
    return bucket;
  }

  /** The bucket of a key, if it is in memory. */
  find(key: string): TrackedBucket | undefined {
    return this.#held.get(key) ?? this.#idle.peek(key);
  }

  /** Holds a bucket in memory until it is released as often as it was held. */
  hold(bucket: TrackedBucket): void {
    if (bucket.holders++ > 0) return;
    this.#held.set(bucket.key, bucket);
    this.#idle.delete(bucket.key);
  }

  /** Releases a bucket once. */
  release(bucket: TrackedBucket): void {
    if (--bucket.holders > 0) return;
    this.#held.delete(bucket.key);
    this.#idle.set(bucket.key, bucket);
  }
}
