import type { BucketLevel } from "../bucket.ts";

/** The record of a bucket in the store. */
export interface StoredBucket {
  /** Undefined when the store has no record: the bucket is full. */
  readonly level: BucketLevel | undefined;
  /** Changes with every write; null when the store has no record. */
  readonly version: string | null;
}

/** A level to write, if the record still has that version. */
export interface BucketWrite {
  readonly key: string;
  readonly level: BucketLevel;
  /** The version that was read; null for a record that must not exist. */
  readonly version: string | null;
  /** How long the record must live at least (ms); it may live longer. */
  readonly lifetimeMs: number;
}

/**
 * What the limiter needs of a store. Any method may reject; whether it wrote is then unknown.
 */
export interface BucketStore {
  /** Buckets per commit. */
  readonly maxWrites: number;
  /** How many concurrent commits pay off. */
  readonly concurrency: number;
  /** How much the clocks of the machines that share it may differ (ms). */
  readonly skewMs: number;
  /** Whether it may be called now; false while its circuit is open. Absent: always. */
  readonly isAvailable?: boolean;
  /**
   * A commit that takes this long (ms) may have been sent twice: a conflict no longer means that nothing
   * was written. Absent: each is sent once.
   */
  readonly repeatsAfterMs?: number;
  /** Reads buckets, in the order of `keys`. */
  read(keys: readonly string[]): Promise<StoredBucket[]>;
  /** Writes all, or nothing when one has changed: then undefined. Resolves to the new version. */
  commit(writes: readonly BucketWrite[]): Promise<string | undefined>;
}
