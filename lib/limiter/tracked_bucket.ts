import { type BucketLevel, type BucketShape, fullBucket, refill, refund, take } from "./bucket.ts";
import { Demand } from "./leases/demand.ts";
import { HeldLeases, type Spent } from "./leases/held_leases.ts";
import { ageMs, type Instant } from "./instant.ts";
import { isWorthReturning, leaseTermMs } from "./leases/lease.ts";
import type { StoredBucket } from "./stores/bucket_store.ts";

/** How long a bucket counts as contended after another process took from it (ms). */
const CONTENDED_MS = 1_000;

/** Tokens to refund. */
interface Refund {
  readonly tokens: number;
  readonly takenAt: Instant;
  /** Whether they were leased: the bucket was lowered for the lease. */
  readonly isLeased: boolean;
  /** The last reset of the bucket when they were taken. */
  readonly resetAt: number | undefined;
}

/** The level without the local grants, and with them: the difference is the overdraft. */
interface Overdraft {
  readonly without: BucketLevel;
  readonly after: BucketLevel;
}

/** A bucket as this process knows it. */
export class TrackedBucket {
  readonly key: string;
  readonly shape: BucketShape;
  /**
   * The last known record. At first a guess: a bucket new to this process is mostly new to the store
   * too. The guess saves a read; a wrong one only fails a commit.
   */
  stored: StoredBucket = { level: undefined, version: null };
  /** When it was read or written (monotonic ms); undefined for a guess. */
  storedAt: number | undefined;
  /** Whether the record must be read before it is written. */
  mustRead = false;
  /** Refunds to add with the next write. */
  refunds: Refund[] = [];
  /** Tokens that can be spent without the store. */
  readonly leases: HeldLeases;
  /** The recent demand. */
  readonly demand = new Demand();
  /** How many requests wait for a decision. */
  pendingRequests = 0;
  /** When another process was last seen to write it (monotonic ms). */
  contendedAt = -Infinity;
  /** Whether a transaction of this process has it. */
  isBusy = false;
  /** How many requests and transactions hold it in memory. */
  holders = 0;
  /** Tokens granted without the store. */
  #overdraft: Overdraft | undefined;
  /** The overdraft that is being written. */
  #overdraftInWrite: Overdraft | undefined;

  constructor(key: string, shape: BucketShape) {
    this.key = key;
    this.shape = shape;
    this.leases = new HeldLeases(leaseTermMs(shape));
  }

  /** Whether it was read or written within the last `ms`. */
  isFresh(now: Instant, ms: number): boolean {
    return !this.mustRead && this.storedAt !== undefined && now.monotonic - this.storedAt < ms;
  }

  /** Whether other processes take from it, too. */
  isContended(now: Instant): boolean {
    return now.monotonic - this.contendedAt < CONTENDED_MS;
  }

  /** Whether it was written by a clock that is ahead: it does not refill until that time. */
  isAhead(now: Instant, skewMs: number): boolean {
    return (this.stored.level?.at ?? 0) > now.wall + skewMs;
  }

  /** The level now: the stored one plus refunds, less the overdraft. */
  levelAt(now: Instant, skewMs: number): BucketLevel {
    const level = this.#levelWithoutOverdraft(now, skewMs);
    const overdrawn = this.#overdrawnUnits(this.#overdraft, now) +
      this.#overdrawnUnits(this.#overdraftInWrite, now);
    return { ...level, units: Math.max(0, level.units - overdrawn) };
  }

  /** All that can still be taken, as far as this process knows: the level plus its leases. */
  knownAt(now: Instant, skewMs: number): BucketLevel {
    const level = this.levelAt(now, skewMs);
    if (this.leases.isEmpty) return level;
    const units = level.units + this.leases.available(now) * this.shape.perToken;
    return { ...level, units: Math.min(this.shape.capacity, units) };
  }

  /**
   * Refunds, with the next write, tokens that were taken in the store.
   * @param resetAt the last reset of the bucket when they were taken
   */
  refund(tokens: number, takenAt: Instant, resetAt: number | undefined): void {
    this.refunds.push({ tokens, takenAt, isLeased: false, resetAt });
  }

  /** Refunds what was spent of a lease: to the lease while it lasts, else with the next write. */
  refundSpent(spent: Spent, now: Instant): void {
    if (this.leases.unspend(spent, now)) return;
    this.#return(spent, now);
  }

  /** Returns, with the next write, what is left of expired leases. */
  returnExpired(now: Instant): void {
    for (const rest of this.leases.takeExpired(now)) this.#return(rest, now);
  }

  /** Returns, with the next write, what is left of all leases. */
  returnLeases(now: Instant): void {
    for (const rest of this.leases.takeAll()) this.#return(rest, now);
  }

  #return({ lease: { grantedAt, resetAt }, tokens }: Spent, now: Instant): void {
    if (!isWorthReturning(this.shape, tokens, Math.ceil(ageMs(grantedAt, now)))) return;
    this.refunds.push({ tokens, takenAt: grantedAt, isLeased: true, resetAt });
  }

  /** Drops what is known after a reset: the record is read before the next decision. */
  forget(): void {
    this.mustRead = true;
    this.#overdraft = undefined;
    this.#overdraftInWrite = undefined;
  }

  /** Grants tokens without the store; they are deducted when it is back. */
  overdraw(tokens: number, now: Instant): void {
    const { without, after } = this.#overdraft ?? this.#noOverdraft(now);
    const level = refill(after, this.shape, now.wall, 0);
    this.#overdraft = { without, after: take(level, this.shape, tokens) ?? { ...level, units: 0 } };
  }

  /** Begins a write that deducts the overdraft; later grants are not part of it. */
  beginOverdraftWrite(): void {
    this.#overdraftInWrite = this.#overdraft;
    this.#overdraft = undefined;
  }

  /** Ends that write. @param isWritten whether the overdraft was deducted */
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
      // A reset has filled the bucket since: it misses them no more.
      if (resetAt !== level.resetAt) continue;
      // The bucket may have been lowered for a lease since, by the refill of a term at most.
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

  #overdrawnUnits(overdraft: Overdraft | undefined, now: Instant): number {
    if (overdraft === undefined) return 0;
    const [without, after] = [overdraft.without, overdraft.after].map((level) =>
      refill(level, this.shape, now.wall, 0).units
    );
    return Math.max(0, (without ?? 0) - (after ?? 0));
  }
}
