import { LRUCache } from "lru-cache";
import type { BucketShape } from "./bucket.ts";
import { TrackedBucket } from "./tracked_bucket.ts";

/**
 * The buckets that a process remembers: all that are in use, and of the others those used last.
 * Forgetting one costs its next request a read; what the store says is as true as before.
 */
export class BucketTable {
  readonly #held = new Map<string, TrackedBucket>();
  readonly #idle: LRUCache<string, TrackedBucket>;

  /** @param maxIdle how many are remembered besides those in use */
  constructor(maxIdle: number) {
    this.#idle = new LRUCache({ max: maxIdle });
  }

  /** How many are remembered. */
  get size(): number {
    return this.#held.size + this.#idle.size;
  }

  /** The bucket of that key; a new one when none is remembered. */
  get(key: string, shape: BucketShape): TrackedBucket {
    const known = this.#held.get(key) ?? this.#idle.get(key);
    if (known) return known;
    const bucket = new TrackedBucket(key, shape);
    this.#idle.set(key, bucket);
    return bucket;
  }

  /** The bucket of that key, if it is remembered. */
  find(key: string): TrackedBucket | undefined {
    return this.#held.get(key) ?? this.#idle.peek(key);
  }

  /** Keeps a bucket until it was released as often. */
  hold(bucket: TrackedBucket): void {
    if (bucket.holders++ > 0) return;
    this.#held.set(bucket.key, bucket);
    this.#idle.delete(bucket.key);
  }

  /** Lets go of a bucket that was held. */
  release(bucket: TrackedBucket): void {
    if (--bucket.holders > 0) return;
    this.#held.delete(bucket.key);
    this.#idle.set(bucket.key, bucket);
  }
}
