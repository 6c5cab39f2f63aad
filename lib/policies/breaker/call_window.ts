/** The window's resolution: a call counts for nine to ten tenths of it. */
const BUCKETS = 10;

/** What a window has counted. */
export interface CallCounts {
  readonly calls: number;
  readonly failed: number;
  /** Calls that took too long, failed ones included. */
  readonly slow: number;
}

/** A tenth of the window, in a ring. */
class Bucket {
  calls = 0;
  failed = 0;
  slow = 0;
  /** The next newer one; of the newest, the oldest. */
  next: Bucket = this;
}

/**
 * Counts the calls of the last seconds, in a ring of buckets: however many calls there are, it needs
 * the same memory, and counting one allocates nothing.
 */
export class CallWindow implements CallCounts {
  readonly #bucketMs: number;
  #newest = ring();
  /** The number of the newest bucket, counted from the clock's zero. */
  #number = 0;
  calls = 0;
  failed = 0;
  slow = 0;

  /** @param ms the window's length */
  constructor(ms: number) {
    this.#bucketMs = ms / BUCKETS;
  }

  /** Counts a call. */
  add(isFailed: boolean, isSlow: boolean, now: number): void {
    this.moveTo(now);
    const bucket = this.#newest;
    bucket.calls++;
    this.calls++;
    if (isFailed) {
      bucket.failed++;
      this.failed++;
    }
    if (isSlow) {
      bucket.slow++;
      this.slow++;
    }
  }

  /** Drops the calls that have left the window. */
  moveTo(now: number): void {
    const number = Math.floor(now / this.#bucketMs);
    const passed = Math.min(number - this.#number, BUCKETS);
    for (let count = 0; count < passed; count++) this.#dropOldest();
    if (passed > 0) this.#number = number;
  }

  /** Drops all calls. */
  clear(): void {
    for (let count = 0; count < BUCKETS; count++) this.#dropOldest();
  }

  #dropOldest(): void {
    const bucket = this.#newest = this.#newest.next;
    this.calls -= bucket.calls;
    this.failed -= bucket.failed;
    this.slow -= bucket.slow;
    bucket.calls = bucket.failed = bucket.slow = 0;
  }
}

function ring(): Bucket {
  const newest = new Bucket();
  for (let count = 1; count < BUCKETS; count++) {
    const older = new Bucket();
    older.next = newest.next;
    newest.next = older;
  }
  return newest;
}
