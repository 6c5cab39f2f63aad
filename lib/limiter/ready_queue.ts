import type { BucketTable } from "./bucket_table.ts";
import type { PendingRequest } from "./pending_request.ts";
import type { TrackedBucket } from "./tracked_bucket.ts";
import type { Batch } from "./transactions.ts";

/** The requests to decide and the buckets to write next, in the order of arrival. */
export class ReadyQueue {
  readonly #buckets: BucketTable;
  #requests: PendingRequest[] = [];
  /** Buckets to write whether or not a request needs them: leases end there, or begin. */
  readonly #renewals = new Set<TrackedBucket>();

  /** @param buckets holds each queued bucket in memory */
  constructor(buckets: BucketTable) {
    this.#buckets = buckets;
  }

  /** Whether a bucket is queued for a write. */
  get hasRenewals(): boolean {
    return this.#renewals.size > 0;
  }

  /** Queues a request at the place of its arrival; ends its wait. */
  add(request: PendingRequest): void {
    if (request.isDone || request.isReady) return;
    request.isReady = true;
    request.timer?.abort();
    request.timer = undefined;
    const place = this.#requests.findLastIndex(({ order }) => order < request.order) + 1;
    this.#requests.splice(place, 0, request);
  }

  /** Queues a bucket for a write; false when it is queued already. */
  addRenewal(bucket: TrackedBucket): boolean {
    if (this.#renewals.has(bucket)) return false;
    this.#renewals.add(bucket);
    this.#buckets.hold(bucket);
    return true;
  }

  /** Takes out every request that is in no transaction, and drops the renewals. */
  takeUndecided(): PendingRequest[] {
    for (const bucket of this.#renewals) this.#buckets.release(bucket);
    this.#renewals.clear();
    const taken = this.#requests.filter(({ isInTransaction, isDone }) =>
      !isInTransaction && !isDone
    );
    this.#requests = this.#requests.filter(({ isInTransaction }) => isInTransaction);
    for (const request of taken) request.isReady = false;
    return taken;
  }

  /**
   * Takes out what the next transaction decides: requests on buckets that no transaction has. No
   * request overtakes an earlier one for the same bucket.
   * @param batchSize how many buckets share a transaction
   */
  nextBatch(batchSize: number): Batch {
    const buckets = new Set<TrackedBucket>();
    const passed = new Set<TrackedBucket>();
    const batch: PendingRequest[] = [];
    const rest: PendingRequest[] = [];
    for (const request of this.#requests) {
      if (request.isDone) continue;
      const wanted = request.charges.map(({ bucket }) => bucket);
      const added = wanted.filter((bucket) => !buckets.has(bucket)).length;
      const isFree = wanted.every((bucket) => !bucket.isBusy && !passed.has(bucket));
      const fits = buckets.size === 0 || buckets.size + added <= batchSize;
      for (const bucket of wanted) (isFree && fits ? buckets : passed).add(bucket);
      (isFree && fits ? batch : rest).push(request);
    }
    this.#requests = rest;
    const renewals = [...this.#renewals].filter((bucket) => {
      const fits = buckets.has(bucket) || buckets.size < batchSize;
      if (bucket.isBusy || passed.has(bucket) || !fits) return false;
      buckets.add(bucket);
      this.#renewals.delete(bucket);
      this.#buckets.release(bucket);
      return true;
    });
    for (const bucket of buckets) {
      bucket.isBusy = true;
      this.#buckets.hold(bucket);
    }
    for (const request of batch) {
      request.isReady = false;
      request.isInTransaction = true;
    }
    return { requests: batch, buckets: [...buckets], renewals };
  }
}
