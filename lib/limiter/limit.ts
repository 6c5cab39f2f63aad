import type { BucketLevel, BucketShape } from "./bucket.ts";
import type { Instant } from "./instant.ts";

/** What happens to requests while the store cannot be asked. */
export type OnStoreFailure = "local" | "open" | "closed";

/** A named rate policy, for one class of clients. */
export interface Limit {
  readonly name: string;
  readonly shape: BucketShape;
  /** How long a request may wait for its tokens instead of being refused (ms); 0 for not at all. */
  readonly waitMs: number;
  /** How many requests may wait for one bucket. */
  readonly queue: number;
  readonly onStoreFailure: OnStoreFailure;
}

/** A named rate policy, with what it allows each class of clients. */
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
  /** Which bucket: the limit, and who is counted. */
  readonly key: string;
  readonly limit: Limit;
  readonly tokens: number;
}

/** A bucket after a decision, as this process knows it. */
export interface ChargedBucket {
  readonly charge: Charge;
  readonly level: BucketLevel;
}

/** The answer to a request's charges: all were taken, or none. */
export type Decision = Grant | Denial | Unavailable;

/** All charges were taken. */
export interface Grant {
  readonly outcome: "admitted";
  readonly buckets: readonly ChargedBucket[];
  /** When it was decided; nobody was told before. */
  readonly at: Instant;
  /** Gives some of the charges back, once: for work that was not done after all. */
  refund(isReturned: (charge: Charge) => boolean): void;
}

/** Nothing was taken: a bucket has not enough. */
export interface Denial {
  readonly outcome: "denied";
  readonly buckets: readonly ChargedBucket[];
  /** The charges that were too much. */
  readonly violated: readonly Charge[];
  /** How long until all would be taken, were nobody else there (ms). */
  readonly retryAfterMs: number;
}

/** Nothing was taken: the store cannot be asked, and a limit says that nobody passes then. */
export interface Unavailable {
  readonly outcome: "unavailable";
}
