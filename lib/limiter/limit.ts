import type { BucketLevel, BucketShape } from "./bucket.ts";
import type { Instant } from "./instant.ts";

/** What happens to requests while the store is unavailable. */
export type OnStoreFailure = "local" | "open" | "closed";

/** A named rate policy, for one class of clients. */
export interface Limit {
  readonly name: string;
  readonly shape: BucketShape;
  /** How long a request may wait for its tokens instead of being denied (ms); 0 for no wait. */
  readonly waitMs: number;
  /** How many requests may wait for one bucket. */
  readonly queue: number;
  readonly onStoreFailure: OnStoreFailure;
}

/** A named rate policy for all classes of clients. */
export interface NamedLimit {
  readonly name: string;
  readonly allowance: Limit;
  /** By tier. */
  readonly tiers: ReadonlyMap<string, Limit>;
  /** Whether each route has a bucket of its own. */
  readonly perRoute: boolean;
}

/** What a request takes from one bucket. */
export interface Charge {
  /** The bucket key: the limit, and whose requests it counts. */
  readonly key: string;
  readonly limit: Limit;
  readonly tokens: number;
}

/** A bucket after a decision, as this process knows it. */
export interface ChargedBucket {
  readonly charge: Charge;
  readonly level: BucketLevel;
}

/** The decision about a request: all its charges were taken, or none. */
export type Decision = Grant | Denial | Unavailable;

/** All charges were taken. */
export interface Grant {
  readonly outcome: "admitted";
  readonly buckets: readonly ChargedBucket[];
  /** When it was decided. */
  readonly at: Instant;
  /** Refunds some of the charges, once: for work that was not done after all. */
  refund(isRefunded: (charge: Charge) => boolean): void;
}

/** Nothing was taken: a bucket has too few tokens. */
export interface Denial {
  readonly outcome: "denied";
  readonly buckets: readonly ChargedBucket[];
  /** The charges that exceeded their buckets. */
  readonly violated: readonly Charge[];
  /** How long until all could be taken, without other requests (ms). */
  readonly retryAfterMs: number;
}

/** Nothing was taken: the store is unavailable, and a limit is `closed` then. */
export interface Unavailable {
  readonly outcome: "unavailable";
}
