import { type BucketLevel, type BucketShape, fullBucket, refill, refund, take } from "./bucket.ts";
import { Demand } from "./leases/demand.ts";
import { HeldLeases, type Spent } from "./leases/held_leases.ts";
import { ageMs, type Instant } from "./instant.ts";
import { isWorthReturning, leaseTermMs } from "./leases/lease.ts";
import type { StoredBucket } from "./stores/bucket_store.ts";

/** For how long a bucket that another process took from counts as contended (ms). */
const CONTENDED_MS = 1_000;

/** Tokens to give back, and when they were taken. */
interface Refund {
  readonly tokens: number;
  readonly takenAt: Instant;
  /** Whether they were leased: the bucket was lowered for them then. */
  readonly isLeased: boolean;
  /** When the bucket had been filled last by the operator, as they were taken. */
  readonly resetAt: number | undefined;
}

/** How a bucket would have gone on without what was lent, and how it does: what differs is owed. */
interface Overdraft {
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
  mustRead = false;
  /** To be added with the next write. */
  refunds: Refund[] = [];
  /** What may be spent without the store. */
  readonly leases: HeldLeases;
  /** How much is asked for. */
  readonly demand = new Demand();
  /** Requests that are on their way to a decision. */
  pendingRequests = 0;
  /** When another process was last seen to have taken of it (monotonic ms). */
  contendedAt = -Infinity;
  /** Whether a transaction of ours has it. */
  isBusy = false;
  /** How many requests and transactions need it remembered. */
  holders = 0;
  /** What was let through without the store. */
  #overdraft: Overdraft | undefined;
  /** The part of it that is being written now. */
  #overdraftInWrite: Overdraft | undefined;

  constructor(key: string, shape: BucketShape) {
    this.key = key;
    this.shape = shape;
    this.leases = new HeldLeases(leaseTermMs(shape));
  }

  /** Whether the store spoke of it within the last `ms`. */
  isFresh(now: Instant, ms: number): boolean {
    return !this.mustRead && this.storedAt !== undefined && now.monotonic - this.storedAt < ms;
  }

  /** Whether other processes take from it, too. */
  isContended(now: Instant): boolean {
    return now.monotonic - this.contendedAt < CONTENDED_MS;
  }

  /** Whether it was written by a clock that has been set back since: then nothing comes in. */
  isAhead(now: Instant, skewMs: number): boolean {
    return (this.stored.level?.at ?? 0) > now.wall + skewMs;
  }

  /** The level now: the stored one, what is to be given back to it, less what was lent. */
  levelAt(now: Instant, skewMs: number): BucketLevel {
    const level = this.#levelWithoutOverdraft(now, skewMs);
    const owed = this.#overdrawnUnits(this.#overdraft, now) +
      this.#overdrawnUnits(this.#overdraftInWrite, now);
    return { ...level, units: Math.max(0, level.units - owed) };
  }

  /** All that this process knows can still be taken: the level, and what it has leased. */
  knownAt(now: Instant, skewMs: number): BucketLevel {
    const level = this.levelAt(now, skewMs);
    if (this.leases.isEmpty) return level;
    const units = level.units + this.leases.available(now) * this.shape.perToken;
    return { ...level, units: Math.min(this.shape.capacity, units) };
  }

  /**
   * Gives back, with the next write, what was taken in the store.
   * @param resetAt when the bucket had been filled last by the operator, as they were taken
   */
  refund(tokens: number, takenAt: Instant, resetAt: number | undefined): void {
    this.refunds.push({ tokens, takenAt, isLeased: false, resetAt });
  }

  /** Gives back what was spent of a lease: to the lease, while it lasts. */
  refundSpent(spent: Spent, now: Instant): void {
    if (this.leases.unspend(spent, now)) return;
    this.#return(spent, now);
  }

  /** Gives back, with the next write, what is left of leases that have ended. */
  returnExpired(now: Instant): void {
    for (const rest of this.leases.takeExpired(now)) this.#return(rest, now);
  }

  /** Gives back, with the next write, what is left of all leases. */
  returnLeases(now: Instant): void {
    for (const rest of this.leases.takeAll()) this.#return(rest, now);
  }

  #return({ lease: { grantedAt, resetAt }, tokens }: Spent, now: Instant): void {
    if (!isWorthReturning(this.shape, tokens, Math.ceil(ageMs(grantedAt, now)))) return;
    this.refunds.push({ tokens, takenAt: grantedAt, isLeased: true, resetAt });
  }

  /** The operator filled it: the store is asked before anything else is decided. */
  forget(): void {
    this.mustRead = true;
    this.#overdraft = undefined;
    this.#overdraftInWrite = undefined;
  }

  /** Lets tokens through without the store; they are taken off when it is back. */
  overdraw(tokens: number, now: Instant): void {
    const { without, after } = this.#overdraft ?? this.#noOverdraft(now);
    const level = refill(after, this.shape, now.wall, 0);
    this.#overdraft = { without, after: take(level, this.shape, tokens) ?? { ...level, units: 0 } };
  }

  /** What was lent goes into a write; what is lent from now on does not. */
  beginOverdraftWrite(): void {
    this.#overdraftInWrite = this.#overdraft;
    this.#overdraft = undefined;
  }

  /** The write is over. @param isWritten whether what was lent has been taken off with it */
  endOverdraftWrite(isWritten: boolean, now: Instant): void {
    if (!isWritten && this.#overdraftInWrite) {
      const { without } = this.#noOverdraft(now);
      const { units } = this.levelAt(now, 0);
      this.#overdraft = { without, after: { units, at: now.wall } };
    }
    this.#overdraftInWrite = undefined;
  }

  #levelWithoutOverdraft(now: Instant, skewMs: number): BucketLevel {
    const stored = this.stored.level ?? fullBucket(this.shape, now.wall);
    let level = refill(stored, this.shape, now.wall, skewMs);
    for (const { tokens, takenAt, isLeased, resetAt } of this.refunds) {
      // The bucket was filled since: that they are missing is forgiven already.
      if (resetAt !== level.resetAt) continue;
      // Since then the bucket may have been lowered, by what comes in during a term at most.
      const isLowered = !isLeased && (level.leasedAt ?? -Infinity) + skewMs >= takenAt.wall;
      const age = ageMs(takenAt, now) + (isLowered ? this.leases.termMs : 0);
      level = refund(level, this.shape, tokens, Math.ceil(age));
    }
    return level;
  }

  #noOverdraft(now: Instant): Overdraft {
    const level = { units: this.#levelWithoutOverdraft(now, 0).units, at: now.wall };
    return { without: level, after: level };
  }

  #overdrawnUnits(lent: Overdraft | undefined, now: Instant): number {
    if (lent === undefined) return 0;
    const [without, after] = [lent.without, lent.after].map((level) =>
      refill(level, this.shape, now.wall, 0).units
    );
    return Math.max(0, (without ?? 0) - (after ?? 0));
  }
}
