import type { BucketLevel } from "../bucket.ts";

/** A bucket as the store has it. */
export interface StoredBucket {
  /** Undefined when the store has none: it is full then. */
  readonly level: BucketLevel | undefined;
  /** Changes with every write; null when the store has none. */
  readonly version: string | null;
}

/** A level to write, if the bucket is still at that version. */
export interface BucketWrite {
  readonly key: string;
  readonly level: BucketLevel;
  /** The version that was read; null for a bucket that must not be there yet. */
  readonly version: string | null;
  /** How long the record must live at least (ms); it may live longer. */
  readonly lifetimeMs: number;
}

/**
 * All that limiting needs of a store. Any method may reject: what it did is then unknown.
 */
export interface BucketStore {
  /** How many buckets one commit may write. */
  readonly maxWrites: number;
  /** How many commits are worth sending before the first has come back. */
  readonly concurrency: number;
  /** How much the clocks of the machines that share it may differ (ms). */
  readonly skewMs: number;
  /** Whether it may be called now; false while its circuit is open. Absent: always. */
  readonly isAvailable?: boolean;
  /**
   * A commit that took so long (ms) may have been sent more than once on its way: that it was
   * refused no longer says that nothing was written. Absent: each is sent once.
   */
  readonly repeatsAfterMs?: number;
  /** The buckets, in the order asked. */
  read(keys: readonly string[]): Promise<StoredBucket[]>;
  /** Writes all, or nothing when one has changed: then undefined. Resolves to the new version. */
  commit(writes: readonly BucketWrite[]): Promise<string | undefined>;
}
