import type { Clock } from "../clock.ts";
import {
  type BucketLevel,
  type BucketShape,
  fullBucket,
  giveBack,
  refill,
  take,
} from "./bucket.ts";
import type { StoredBucket } from "./store.ts";

/** A moment on both clocks (ms). */
export interface Instant {
  readonly wall: number;
  readonly monotonic: number;
}

/** The moment that it is. */
export function instantOf(clock: Clock): Instant {
  return { wall: clock.wall(), monotonic: clock.monotonic() };
}

/** Tokens to give back, and when they were taken, by both clocks: a step of one ages nothing less. */
export interface Return {
  readonly tokens: number;
  readonly takenAt: Instant;
}

/** How a bucket would have gone on without what was lent, and how it does: what differs is owed. */
interface Lent {
  readonly without: BucketLevel;
  readonly after: BucketLevel;
}

/** One bucket as this process knows it. */
export class TrackedBucket {
  readonly key: string;
  readonly shape: BucketShape;
  /**
   * The store's last word. At first a guess: a bucket never seen here is most often new, so that
   * guessing saves a read, and a wrong guess only fails a commit.
   */
  stored: StoredBucket = { level: undefined, version: null };
  /** When the store said so (monotonic ms); undefined for a guess. */
  storedAt: number | undefined;
  /** Whether the store must be asked before anything is written. */
  isDoubtful = false;
  /** To be added with the next write. */
  returns: Return[] = [];
  /** Whether a transaction of ours has it. */
  isBusy = false;
  /** How many requests and transactions need it remembered. */
  holders = 0;
  /** What was let through without the store. */
  #lent: Lent | undefined;
  /** The part of it that is being written now. */
  #settling: Lent | undefined;

  constructor(key: string, shape: BucketShape) {
    this.key = key;
    this.shape = shape;
  }

  /** Whether the store spoke of it within the last `ms`. */
  isFresh(now: Instant, ms: number): boolean {
    return !this.isDoubtful && this.storedAt !== undefined && now.monotonic - this.storedAt < ms;
  }

  /** Whether it was written by a clock that has been set back since: then nothing comes in. */
  isAhead(now: Instant, skewMs: number): boolean {
    return (this.stored.level?.at ?? 0) > now.wall + skewMs;
  }

  /** The level now: the stored one, what is to be given back to it, less what was lent. */
  levelAt(now: Instant, skewMs: number): BucketLevel {
    const level = this.#unlentAt(now, skewMs);
    const owed = this.#owed(this.#lent, now) + this.#owed(this.#settling, now);
    return { units: Math.max(0, level.units - owed), at: level.at };
  }

  /** Somebody wrote it anew: the store is asked before anything else is decided. */
  forget(): void {
    this.isDoubtful = true;
    this.returns = [];
    this.#lent = undefined;
    this.#settling = undefined;
  }

  /** Lets tokens through without the store; they are taken off when it is back. */
  lend(tokens: number, now: Instant): void {
    const { without, after } = this.#lent ?? this.#nothingLent(now);
    const level = refill(after, this.shape, now.wall, 0);
    this.#lent = { without, after: take(level, this.shape, tokens) ?? { ...level, units: 0 } };
  }

  /** What was lent goes into a write; what is lent from now on does not. */
  beginSettling(): void {
    this.#settling = this.#lent;
    this.#lent = undefined;
  }

  /** The write is over. @param isWritten whether what was lent has been taken off with it */
  endSettling(isWritten: boolean, now: Instant): void {
    if (!isWritten && this.#settling) {
      const { without } = this.#nothingLent(now);
      const { units } = this.levelAt(now, 0);
      this.#lent = { without, after: { units, at: now.wall } };
    }
    this.#settling = undefined;
  }

  #unlentAt(now: Instant, skewMs: number): BucketLevel {
    const stored = this.stored.level ?? fullBucket(this.shape, now.wall);
    let level = refill(stored, this.shape, now.wall, skewMs);
    for (const { tokens, takenAt } of this.returns) {
      const age = Math.max(now.wall - takenAt.wall, now.monotonic - takenAt.monotonic);
      level = giveBack(level, this.shape, tokens, Math.ceil(age));
    }
    return level;
  }

  #nothingLent(now: Instant): Lent {
    const level = { units: this.#unlentAt(now, 0).units, at: now.wall };
    return { without: level, after: level };
  }

  #owed(lent: Lent | undefined, now: Instant): number {
    if (lent === undefined) return 0;
    const [without, after] = [lent.without, lent.after].map((level) =>
      refill(level, this.shape, now.wall, 0).units
    );
    return Math.max(0, (without ?? 0) - (after ?? 0));
  }
}
