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

/** What transactions need. */
export interface TransactionsOptions {
  readonly store: BucketStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly waitQueues: WaitQueues;
  /** Whether tokens of a bucket may be leased now. */
  readonly mayLease: (bucket: TrackedBucket) => boolean;
  /** Told of a bucket of which tokens were leased. */
  readonly onLease: (bucket: TrackedBucket) => void;
}

/** What is decided together. */
export interface Batch {
  readonly requests: readonly PendingRequest[];
  /** All buckets that the requests want, and those that are due. */
  readonly buckets: readonly TrackedBucket[];
  /** Buckets to write even if no request changes them. */
  readonly renewals: readonly TrackedBucket[];
}

/** A decision that holds, and what leases have paid for it. */
export interface CommittedDecision {
  readonly decision: PlannedDecision;
  readonly spending: LeaseSpending;
}

/** For how long an empty bucket is known to be empty without asking: resets are felt after it (ms). */
export const LOCAL_DENIAL_MS = 1_000;
/** How often a transaction is tried against other processes, and how long between (ms). */
const ATTEMPTS = 24;
const BACKOFF_MS = 2;
const LONGEST_BACKOFF_MS = 64;
/** When nothing could be decided for all that contention: what the client is told (ms). */
const CONTENDED_RETRY_MS = 1_000;
/** How much of a longer latency is still believed after a shorter one. */
const LATENCY_MEMORY = 0.9;
const NOTHING_PAID: LeaseSpending = new Map();

/** Reads, decides and writes, again and again while other processes are faster. */
export class Transactions {
  readonly #options: TransactionsOptions;
  #latencyMs = 0;
  #batchSize: number;

  constructor(options: TransactionsOptions) {
    this.#options = options;
    this.#batchSize = options.store.maxWrites;
  }

  /** How many buckets share a transaction: fewer while other processes keep spoiling them. */
  get batchSize(): number {
    return this.#batchSize;
  }

  /** What is known now, for a plan. */
  context(now: Instant): PlanContext {
    const { waitQueues: lines, store, mayLease } = this.#options;
    const latencyMs = this.#latencyMs;
    return { waitQueues: lines, now, skewMs: store.skewMs, latencyMs, mayLease };
  }

  /**
   * Decides, and makes the decisions hold.
   * @throws {StoreFailure} when the store fails: nothing counts as decided then
   */
  async run(
    { requests, buckets, renewals: due }: Batch,
  ): Promise<readonly CommittedDecision[]> {
    const { clock, random } = this.#options;
    const begun = instantOf(clock);
    this.#markOutdated(buckets, begun);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      await this.#readUnknown(buckets);
      const now = instantOf(clock);
      for (const bucket of buckets) bucket.returnExpired(now);
      const context = this.context(now);
      const { decisions, writes } = plan(
        requests.filter(({ isDone: isOver }) => !isOver),
        context,
        due,
      );
      if (markStale(decisions, now) || recallLeases(decisions, now)) continue;
      const concluded = decisions.map((decision) => ({ decision, spending: spendingOf(decision) }));
      if (await this.#commit(writes, context, concluded)) {
        if (writes.length > 0) this.#recordLatency(clock.monotonic() - begun.monotonic);
        for (const bucket of due) {
          if (!writes.some((write) => write.bucket === bucket && write.leased > 0)) {
            bucket.leases.stopRenewing();
          }
        }
        return concluded;
      }
      this.#batchSize = Math.max(1, Math.floor(this.#batchSize / 2));
      await clock.sleep(random() * Math.min(LONGEST_BACKOFF_MS, BACKOFF_MS * 2 ** attempt));
    }
    const at = instantOf(clock);
    return requests.map((request) => ({
      spending: NOTHING_PAID,
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

  /** Writes; when that does not hold, what leases have paid goes back to them. */
  async #commit(
    writes: readonly PlannedWrite[],
    context: PlanContext,
    concluded: readonly CommittedDecision[],
  ): Promise<boolean> {
    let isHeld = false;
    try {
      isHeld = writes.length === 0 || await this.#write(writes, context);
    } finally {
      const now = instantOf(this.#options.clock);
      if (!isHeld) { for (const { spending } of concluded) undoSpending(spending, now); }
    }
    return isHeld;
  }

  /** What others write to is read before it is written: what was known long ago would not hold. */
  #markOutdated(buckets: readonly TrackedBucket[], now: Instant): void {
    for (const bucket of buckets) {
      bucket.mustRead ||= bucket.isContended(now) && !bucket.isFresh(now, this.#latencyMs);
    }
  }

  /** Reads what is not known for sure. */
  async #readUnknown(buckets: readonly TrackedBucket[]): Promise<void> {
    const unknown = buckets.filter(({ mustRead: isDoubtful }) => isDoubtful);
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

  /** Whether the levels were written; a bucket whose fate is unknown is asked for again. */
  async #write(writes: readonly PlannedWrite[], context: PlanContext): Promise<boolean> {
    const { now } = context;
    const { store, clock } = this.#options;
    const returned = writes.map(({ bucket }) => bucket.refunds.length);
    for (const { bucket } of writes) {
      bucket.mustRead = true;
      bucket.beginOverdraftWrite();
    }
    // It may have been written after all, so what was given back with it is not given again.
    const forgetReturns = () =>
      writes.forEach(({ bucket }, index) => bucket.refunds.splice(0, returned[index]));
    const sentAt = clock.monotonic();
    let version: string | undefined;
    try {
      version = await store.commit(writes).catch(fail);
      const tookMs = clock.monotonic() - sentAt;
      if (version === undefined && tookMs >= (store.repeatsAfterMs ?? Infinity)) forgetReturns();
    } catch (error) {
      forgetReturns();
      throw error;
    } finally {
      const ended = instantOf(clock);
      for (const { bucket } of writes) bucket.endOverdraftWrite(version !== undefined, ended);
    }
    if (version === undefined) return false;
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

/** What leases pay for a decision; nothing for one that refuses. */
function spendingOf({ violated, leased, at }: PlannedDecision): LeaseSpending {
  if (violated.length > 0 || leased.length === 0) return NOTHING_PAID;
  return spendLeases(leased, at) ?? NOTHING_PAID;
}

/** Whether a denial rests on what may have changed; the store is then asked before it is given. */
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

/** Whether somebody is refused while a lease has something: it goes back before that is said. */
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
