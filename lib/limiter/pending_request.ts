import type { Charge, Decision } from "./limit.ts";
import type { TrackedBucket } from "./tracked_bucket.ts";

/** A charge with the bucket that it is taken from. */
export interface PendingCharge {
  readonly charge: Charge;
  readonly bucket: TrackedBucket;
}

/** What is known of a claim when it comes. */
export interface PendingFacts {
  /** Requests are decided in this order. */
  readonly order: number;
  /** When it came (monotonic ms). */
  readonly arrivedAt: number;
  /** Until when an answer is of use (monotonic ms). */
  readonly deadline: number;
}

/** One request on its way to a decision. */
export class PendingRequest {
  readonly charges: readonly PendingCharge[];
  readonly order: number;
  readonly arrivedAt: number;
  readonly deadline: number;
  readonly decision: Promise<Decision>;
  /** Whether it was decided, or nobody waits for it any more. */
  isDone = false;
  /** Whether it stands among those that are decided next. */
  isReady = false;
  /** Whether a transaction has it. */
  isInTransaction = false;
  /** Ends its sleep, while it waits for tokens. */
  timer: AbortController | undefined;
  readonly #decided = Promise.withResolvers<Decision>();

  constructor(charges: readonly PendingCharge[], facts: PendingFacts) {
    this.charges = charges;
    this.order = facts.order;
    this.arrivedAt = facts.arrivedAt;
    this.deadline = facts.deadline;
    this.decision = this.#decided.promise;
  }

  /** Ends it with a decision. */
  settle(decision: Decision): void {
    this.isDone = true;
    this.#decided.resolve(decision);
  }

  /** Ends it because nobody waits for it any more. */
  cancel(reason: unknown): void {
    this.isDone = true;
    this.#decided.reject(reason);
  }
}
