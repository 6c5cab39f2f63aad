import type { Clock } from "../../core/clock.ts";
import type { BucketTable } from "../bucket_table.ts";
import { type Instant, instantOf } from "../instant.ts";
import type { TrackedBucket } from "../tracked_bucket.ts";

/** How often leases are checked (ms). */
const ROUND_MS = 100;

/** Dependencies of a lease keeper. */
export interface LeaseKeeperOptions {
  readonly clock: Clock;
  readonly buckets: BucketTable;
  /** Writes a bucket soon: tokens are returned to it. */
  readonly write: (bucket: TrackedBucket) => void;
}

/** Tracks the buckets with leases, and returns what is not spent. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #leased = new Set<TrackedBucket>();
  #rounds: AbortController | undefined;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  /** How many buckets have leases. */
  get size(): number {
    return this.#leased.size;
  }

  /** Adds a bucket of which tokens were leased. */
  keep(bucket: TrackedBucket): void {
    if (this.#leased.has(bucket)) return;
    this.#leased.add(bucket);
    this.#options.buckets.hold(bucket);
    this.#rounds ??= this.#start();
  }

  /** Returns all leases. */
  returnAll(): void {
    const now = instantOf(this.#options.clock);
    for (const bucket of this.#leased) {
      bucket.returnLeases(now);
      this.#release(bucket);
    }
    this.#rounds?.abort();
    this.#rounds = undefined;
  }

  #start(): AbortController {
    const rounds = new AbortController();
    const next = () => {
      this.#options.clock.sleep(ROUND_MS, rounds.signal).then(() => {
        this.#returnUnused(instantOf(this.#options.clock));
        if (this.#leased.size > 0) next();
        else this.#rounds = undefined;
      }, () => {});
    };
    next();
    return rounds;
  }

  #returnUnused(now: Instant): void {
    for (const bucket of this.#leased) {
      const { leases } = bucket;
      bucket.returnExpired(now);
      if (leases.isIdle(now)) bucket.returnLeases(now);
      if (leases.isEmpty) this.#release(bucket);
    }
  }

  #release(bucket: TrackedBucket): void {
    this.#leased.delete(bucket);
    if (bucket.refunds.length > 0) this.#options.write(bucket);
    this.#options.buckets.release(bucket);
  }
}
