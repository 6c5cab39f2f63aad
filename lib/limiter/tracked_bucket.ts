import type { Clock } from "../clock.ts";
import { type BucketLevel, type BucketShape, fullBucket, giveBack, refill } from "./bucket.ts";
import type { Claim } from "./claim.ts";
import type { StoredBucket } from "./store.ts";

/** Tokens to give back, and when they were taken, by both clocks: a step of one ages nothing less. */
export interface Return {
  readonly tokens: number;
  readonly takenAt: Instant;
}

/** A moment on both clocks (ms). */
export interface Instant {
  readonly wall: number;
  readonly monotonic: number;
}

/** The moment that it is. */
export function instantOf(clock: Clock): Instant {
  return { wall: clock.wall(), monotonic: clock.monotonic() };
}

/** One bucket as this process knows it, and how it is being used here. */
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
  /** What this process lets through by itself while the store is away. */
  local: BucketLevel | undefined;
  /** To be added with the next write. */
  returns: Return[] = [];
  /** Whether a transaction of ours has it. */
  isBusy = false;
  /** How many requests and transactions need it remembered. */
  holders = 0;
  /** Those that wait for tokens, in the order in which they came. */
  readonly line: Claim[] = [];

  constructor(key: string, shape: BucketShape) {
    this.key = key;
    this.shape = shape;
  }

  /** Whether the store spoke of it within the last `ms`. */
  isFresh(now: Instant, ms: number): boolean {
    return !this.isDoubtful && this.storedAt !== undefined && now.monotonic - this.storedAt < ms;
  }

  /** The level now, with what is to be given back, and no more than was let through locally. */
  levelAt(now: Instant, skewMs: number): BucketLevel {
    const stored = this.stored.level ?? fullBucket(this.shape, now.wall);
    let level = refill(stored, this.shape, now.wall, skewMs);
    for (const { tokens, takenAt } of this.returns) {
      const age = Math.max(now.wall - takenAt.wall, now.monotonic - takenAt.monotonic);
      level = giveBack(level, this.shape, tokens, Math.ceil(age));
    }
    if (this.local === undefined) return level;
    const local = refill(this.local, this.shape, now.wall, skewMs);
    return local.units < level.units ? { ...level, units: local.units } : level;
  }
}
