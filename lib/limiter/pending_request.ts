import type { Charge, Decision } from "./limit.ts";
import type { TrackedBucket } from "./tracked_bucket.ts";

/** A charge with the bucket that it is taken from. */
export interface PendingCharge {
  readonly charge: Charge;
  readonly bucket: TrackedBucket;
}

/** What is known of a request when it arrives. */
export interface PendingFacts {
  /** Its place in the order of arrival. */
  readonly order: number;
  /** When it arrived (monotonic ms). */
  readonly arrivedAt: number;
  /** Until when a decision is of use (monotonic ms). */
  readonly deadline: number;
}

/** A request that waits for its decision. */
export class PendingRequest {
  readonly charges: readonly PendingCharge[];
  readonly order: number;
  readonly arrivedAt: number;
  readonly deadline: number;
  readonly decision: Promise<Decision>;
  /** Whether it was decided or cancelled. */
  isDone = false;
  /** Whether it is in the ready queue. */
  isReady = false;
  /** Whether a transaction is deciding it. */
  isInTransaction = false;
  /** Aborts its timer, while it waits for tokens. */
  timer: AbortController | undefined;
  readonly #decided = Promise.withResolvers<Decision>();

  constructor(charges: readonly PendingCharge[], facts: PendingFacts) {
    this.charges = charges;
    this.order = facts.order;
    this.arrivedAt = facts.arrivedAt;
    this.deadline = facts.deadline;
    this.decision = this.#decided.promise;
  }

  /** Resolves its decision. */
  settle(decision: Decision): void {
    this.isDone = true;
    this.#decided.resolve(decision);
  }

  /** Rejects its decision: the caller no longer waits. */
  cancel(reason: unknown): void {
    this.isDone = true;
    this.#decided.reject(reason);
  }
}
