import type { PendingRequest } from "./pending_request.ts";
import type { TrackedBucket } from "./tracked_bucket.ts";

/** Who waits for tokens of which bucket, in the order in which they came. */
export class WaitQueues {
  readonly #lines = new Map<TrackedBucket, PendingRequest[]>();

  /** Those who wait for a bucket, first come first. */
  of(bucket: TrackedBucket): readonly PendingRequest[] {
    return this.#lines.get(bucket) ?? [];
  }

  /** Puts a claim at its place in the line of each of its buckets. */
  add(claim: PendingRequest): void {
    for (const { bucket } of claim.charges) {
      const line = this.#lines.get(bucket) ?? [];
      if (line.includes(claim)) continue;
      line.splice(line.findLastIndex(({ order }) => order < claim.order) + 1, 0, claim);
      this.#lines.set(bucket, line);
    }
  }

  /** Takes a claim out; returns those who stood behind it, and may be served sooner now. */
  remove(claim: PendingRequest): PendingRequest[] {
    const behind: PendingRequest[] = [];
    for (const { bucket } of claim.charges) {
      const line = this.#lines.get(bucket) ?? [];
      const place = line.indexOf(claim);
      if (place < 0) continue;
      line.splice(place, 1);
      const next = line[place];
      if (next) behind.push(next);
      if (line.length === 0) this.#lines.delete(bucket);
    }
    return behind;
  }
}
