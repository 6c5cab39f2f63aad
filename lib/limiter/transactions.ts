import type { Clock, Random } from "../core/clock.ts";
import type { PendingRequest } from "./pending_request.ts";
import { type Instant, instantOf } from "./instant.ts";
import { renewalMs } from "./leases/lease.ts";
import type { WaitQueues } from "./wait_queue.ts";
import { type LeaseSpending, spendLeases, undoSpending } from "./lease_spending.ts";
import {
  leaseNeedsOf,
  plan,
  type PlanContext,
  type PlannedDecision,
  type PlannedWrite,
} from "./plan.ts";
import { StoreFailure } from "../store/store_failure.ts";
import type { BucketStore } from "./stores/bucket_store.ts";
import type { TrackedBucket } from "./tracked_bucket.ts";

/** Dependencies of transactions. */
export interface TransactionsOptions {
  readonly store: BucketStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly waitQueues: WaitQueues;
  /** Whether tokens of a bucket may be leased now. */
  readonly mayLease: (bucket: TrackedBucket) => boolean;
  /** Called with a bucket of which tokens were leased. */
  readonly onLease: (bucket: TrackedBucket) => void;
}

/** What one transaction decides. */
export interface Batch {
  readonly requests: readonly PendingRequest[];
  /** All buckets of the requests, and the renewals. */
  readonly buckets: readonly TrackedBucket[];
  /** Buckets to write even if no request changes them. */
  readonly renewals: readonly TrackedBucket[];
}

/** A decision that holds, and what it spent of leases. */
export interface CommittedDecision {
  readonly decision: PlannedDecision;
  readonly spending: LeaseSpending;
}

/** How long an empty bucket is denied without a read (ms); a reset takes effect after it. */
export const LOCAL_DENIAL_MS = 1_000;
/** Attempts of a transaction while other processes win, and the backoff between them (ms). */
const ATTEMPTS = 24;
const BACKOFF_MS = 2;
const LONGEST_BACKOFF_MS = 64;
/** The `retryAfterMs` when contention prevented a decision. */
const CONTENDED_RETRY_MS = 1_000;
/** The weight of the earlier latency after a shorter one. */
const LATENCY_MEMORY = 0.9;
const NOTHING_SPENT: LeaseSpending = new Map();

/** Reads, decides and writes; again while other processes write first. */
export class Transactions {
  readonly #options: TransactionsOptions;
  /** How transactions ended, and how many leases they made, since the start. */
  readonly counts = { committed: 0, conflict: 0, failed: 0, leases: 0 };
  #latencyMs = 0;
  #batchSize: number;

  constructor(options: TransactionsOptions) {
    this.#options = options;
    this.#batchSize = options.store.maxWrites;
  }

  /** How many buckets share a transaction: fewer while other processes make them fail. */
  get batchSize(): number {
    return this.#batchSize;
  }

  /** The context of a plan made now. */
  context(now: Instant): PlanContext {
    const { waitQueues, store, mayLease } = this.#options;
    const latencyMs = this.#latencyMs;
    return { waitQueues, now, skewMs: store.skewMs, latencyMs, mayLease };
  }

  /**
   * Decides requests, and writes what makes the decisions hold.
   * @throws {StoreFailure} when the store fails: nothing counts as decided then
   */
  async run(
    { requests, buckets, renewals }: Batch,
  ): Promise<readonly CommittedDecision[]> {
    const { clock, random } = this.#options;
    const start = instantOf(clock);
    this.#markOutdated(buckets, start);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      await this.#readUnknown(buckets);
      const now = instantOf(clock);
      for (const bucket of buckets) bucket.returnExpired(now);
      const context = this.context(now);
      const { decisions, writes } = plan(
        requests.filter(({ isDone }) => !isDone),
        context,
        renewals,
      );
      if (markStale(decisions, now) || recallLeases(decisions, now)) continue;
      const planned = decisions.map((decision) => ({ decision, spending: spendingOf(decision) }));
      if (await this.#commit(writes, context, planned)) {
        if (writes.length > 0) this.#recordLatency(clock.monotonic() - start.monotonic);
        for (const bucket of renewals) {
          if (!writes.some((write) => write.bucket === bucket && write.leased > 0)) {
            bucket.leases.stopRenewing();
          }
        }
        return planned;
      }
      this.#batchSize = Math.max(1, Math.floor(this.#batchSize / 2));
      await clock.sleep(random() * Math.min(LONGEST_BACKOFF_MS, BACKOFF_MS * 2 ** attempt));
    }
    const at = instantOf(clock);
    return requests.map((request) => ({
      spending: NOTHING_SPENT,
      decision: {
        request,
        buckets: [],
        violated: request.charges,
        leased: [],
        waitMs: CONTENDED_RETRY_MS,
        isWaiting: false,
        at,
      },
    }));
  }

  /** Writes a plan; undoes what was spent of leases when that fails. */
  async #commit(
    writes: readonly PlannedWrite[],
    context: PlanContext,
    committed: readonly CommittedDecision[],
  ): Promise<boolean> {
    let isCommitted = false;
    try {
      isCommitted = writes.length === 0 || await this.#write(writes, context);
    } finally {
      const now = instantOf(this.#options.clock);
      if (!isCommitted) { for (const { spending } of committed) undoSpending(spending, now); }
    }
    return isCommitted;
  }

  /** Marks contended buckets to be read first: an old version would fail the commit. */
  #markOutdated(buckets: readonly TrackedBucket[], now: Instant): void {
    for (const bucket of buckets) {
      bucket.mustRead ||= bucket.isContended(now) && !bucket.isFresh(now, this.#latencyMs);
    }
  }

  /** Reads the buckets whose record is uncertain. */
  async #readUnknown(buckets: readonly TrackedBucket[]): Promise<void> {
    const unknown = buckets.filter(({ mustRead }) => mustRead);
    if (unknown.length === 0) return;
    const stored = await this.#options.store.read(unknown.map(({ key }) => key)).catch(fail);
    const at = this.#options.clock.monotonic();
    for (const [index, bucket] of unknown.entries()) {
      const { version, level } = stored[index] ?? { level: undefined, version: null };
      if (bucket.storedAt !== undefined && bucket.stored.version !== version) {
        bucket.contendedAt = at;
      }
      bucket.stored = { level, version };
      bucket.storedAt = at;
      bucket.mustRead = false;
    }
  }

  /** Commits the writes; false when another process was first. After a failure the buckets are read again. */
  async #write(writes: readonly PlannedWrite[], context: PlanContext): Promise<boolean> {
    const { now } = context;
    const { store, clock } = this.#options;
    const returned = writes.map(({ bucket }) => bucket.refunds.length);
    for (const { bucket } of writes) {
      bucket.mustRead = true;
      bucket.beginOverdraftWrite();
    }
    // The commit may have happened after all: its refunds must not be added twice.
    const forgetReturns = () =>
      writes.forEach(({ bucket }, index) => bucket.refunds.splice(0, returned[index]));
    const sentAt = clock.monotonic();
    let version: string | undefined;
    try {
      version = await store.commit(writes).catch(fail);
      const tookMs = clock.monotonic() - sentAt;
      if (version === undefined && tookMs >= (store.repeatsAfterMs ?? Infinity)) forgetReturns();
    } catch (error) {
      this.counts.failed++;
      forgetReturns();
      throw error;
    } finally {
      const ended = instantOf(clock);
      for (const { bucket } of writes) bucket.endOverdraftWrite(version !== undefined, ended);
    }
    if (version === undefined) {
      this.counts.conflict++;
      return false;
    }
    this.counts.committed++;
    for (const [index, write] of writes.entries()) {
      const { bucket, level } = write;
      bucket.stored = { level, version };
      bucket.storedAt = now.monotonic;
      bucket.mustRead = false;
      bucket.refunds.splice(0, returned[index]);
      this.#lease(write, context);
    }
    this.#batchSize = Math.min(store.maxWrites, this.#batchSize + 1);
    return true;
  }

  #lease({ bucket, leased }: PlannedWrite, context: PlanContext): void {
    if (leased === 0) return;
    this.counts.leases++;
    const needs = leaseNeedsOf(bucket, { ...context, now: instantOf(this.#options.clock) });
    const renewMs = renewalMs(needs);
    const { resetAt } = bucket.stored.level ?? {};
    const lease = { tokens: leased, grantedAt: context.now, resetAt };
    bucket.leases.add(lease, Math.floor(needs.demandPerMs * renewMs), renewMs);
    this.#options.onLease(bucket);
  }

  #recordLatency(ms: number): void {
    this.#latencyMs = Math.max(ms, LATENCY_MEMORY * this.#latencyMs + (1 - LATENCY_MEMORY) * ms);
  }
}

function fail(cause: unknown): never {
  throw new StoreFailure(cause);
}

/** Spends the leases of a grant; nothing for a denial. */
function spendingOf({ violated, leased, at }: PlannedDecision): LeaseSpending {
  if (violated.length > 0 || leased.length === 0) return NOTHING_SPENT;
  return spendLeases(leased, at) ?? NOTHING_SPENT;
}

/** Marks buckets of a denial that may have refilled since: true when one must be read first. */
function markStale(decisions: readonly PlannedDecision[], now: Instant): boolean {
  let isStale = false;
  for (const { violated } of decisions) {
    for (const { bucket } of violated) {
      if (bucket.isFresh(now, LOCAL_DENIAL_MS)) continue;
      bucket.mustRead = true;
      isStale = true;
    }
  }
  return isStale;
}

/** Returns the leases of buckets that deny a request: true when there were any, to decide again. */
function recallLeases(decisions: readonly PlannedDecision[], now: Instant): boolean {
  let isRecalled = false;
  for (const { violated } of decisions) {
    for (const { bucket } of violated) {
      if (bucket.leases.available(now) === 0) continue;
      bucket.returnLeases(now);
      isRecalled = true;
    }
  }
  return isRecalled;
}
