import type { PendingRequest } from "./pending_request.ts";
import type { TrackedBucket } from "./tracked_bucket.ts";

/** The wait queue of each bucket, in order of arrival. */
export class WaitQueues {
  readonly #queues = new Map<TrackedBucket, PendingRequest[]>();

  /** The requests that wait for a bucket, the earliest first. */
  of(bucket: TrackedBucket): readonly PendingRequest[] {
    return this.#queues.get(bucket) ?? [];
  }

  /** Adds a request to the queue of each of its buckets. */
  add(request: PendingRequest): void {
    for (const { bucket } of request.charges) {
      const queue = this.#queues.get(bucket) ?? [];
      if (queue.includes(request)) continue;
      queue.splice(queue.findLastIndex(({ order }) => order < request.order) + 1, 0, request);
      this.#queues.set(bucket, queue);
    }
  }

  /** Removes a request; returns the requests behind it, which may be granted sooner now. */
  remove(request: PendingRequest): PendingRequest[] {
    const behind: PendingRequest[] = [];
    for (const { bucket } of request.charges) {
      const queue = this.#queues.get(bucket) ?? [];
      const place = queue.indexOf(request);
      if (place < 0) continue;
      queue.splice(place, 1);
      const next = queue[place];
      if (next) behind.push(next);
      if (queue.length === 0) this.#queues.delete(bucket);
    }
    return behind;
  }
}
