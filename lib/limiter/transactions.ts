import type { Clock, Random } from "../core/clock.ts";
import type { PendingRequest } from "./pending_request.ts";
import { type Instant, instantOf } from "./instant.ts";
import { renewalMs } from "./leases/lease.ts";
import type { WaitQueues } from "./wait_queue.ts";
import { payFromLeases, type Settlement, undo } from "./settlement.ts";
import {
  leaseNeedsOf,
  plan,
  type PlannedDecision,
  type PlannedWrite,
  type Situation,
} from "./plan.ts";
import type { BucketStore } from "./stores/bucket_store.ts";
import type { StoreHealth } from "./stores/store_health.ts";
import type { TrackedBucket } from "./tracked_bucket.ts";

/** What transactions need. */
export interface TransactionsOptions {
  readonly store: BucketStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly lines: WaitQueues;
  readonly health: StoreHealth;
  /** Whether tokens of a bucket may be leased now. */
  readonly mayLease: (bucket: TrackedBucket) => boolean;
  /** Told of a bucket of which tokens were leased. */
  readonly onLease: (bucket: TrackedBucket) => void;
}

/** What is decided together. */
export interface Batch {
  readonly claims: readonly PendingRequest[];
  /** All buckets that the claims want, and those that are due. */
  readonly buckets: readonly TrackedBucket[];
  /** Buckets to write even if no claim changes them. */
  readonly due: readonly TrackedBucket[];
}

/** A decision that holds, and what leases have paid for it. */
export interface Concluded {
  readonly verdict: PlannedDecision;
  readonly payment: Settlement;
}

/** For how long an empty bucket is known to be empty without asking: resets are felt after it (ms). */
export const FREE_DENIAL_MS = 1_000;
/** How often a transaction is tried against other processes, and how long between (ms). */
const ATTEMPTS = 24;
const BACKOFF_MS = 2;
const LONGEST_BACKOFF_MS = 64;
/** When nothing could be decided for all that contention: what the client is told (ms). */
const CONTENDED_RETRY_MS = 1_000;
/** How much of a longer latency is still believed after a shorter one. */
const LATENCY_MEMORY = 0.9;
const NOTHING_PAID: Settlement = new Map();

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
  situation(now: Instant): Situation {
    const { lines, store, mayLease } = this.#options;
    const latencyMs = this.#latencyMs;
    return { lines, now, skewMs: store.skewMs, latencyMs, mayLease };
  }

  /**
   * Decides, and makes the decisions hold.
   * @throws when the store fails: what it did is then unknown, and nothing counts as decided
   */
  async run({ claims, buckets, due }: Batch): Promise<readonly Concluded[]> {
    const { clock, random, health } = this.#options;
    const begun = instantOf(clock);
    this.#doubtOutdated(buckets, begun);
    let isAsked = false;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      isAsked = await this.#learn(buckets) || isAsked;
      const now = instantOf(clock);
      for (const bucket of buckets) bucket.returnVoid(now);
      const situation = this.situation(now);
      const { verdicts, writes } = plan(claims.filter(({ isOver }) => !isOver), situation, due);
      if (forgetStale(verdicts, now) || recallLeases(verdicts, now)) continue;
      const concluded = verdicts.map((verdict) => ({ verdict, payment: paymentOf(verdict) }));
      if (await this.#hold(writes, situation, concluded)) {
        if (isAsked || writes.length > 0) health.succeeded();
        if (writes.length > 0) this.#timed(clock.monotonic() - begun.monotonic);
        for (const bucket of due) {
          if (!writes.some((write) => write.bucket === bucket && write.leased > 0)) {
            bucket.leases.renewNoMore();
          }
        }
        return concluded;
      }
      this.#batchSize = Math.max(1, Math.floor(this.#batchSize / 2));
      await clock.sleep(random() * Math.min(LONGEST_BACKOFF_MS, BACKOFF_MS * 2 ** attempt));
    }
    health.succeeded();
    const at = instantOf(clock);
    return claims.map((claim) => ({
      payment: NOTHING_PAID,
      verdict: {
        claim,
        buckets: [],
        violated: claim.charges,
        leased: [],
        waitMs: CONTENDED_RETRY_MS,
        isWaiting: false,
        at,
      },
    }));
  }

  /** Writes; when that does not hold, what leases have paid goes back to them. */
  async #hold(
    writes: readonly PlannedWrite[],
    situation: Situation,
    concluded: readonly Concluded[],
  ): Promise<boolean> {
    let isHeld = false;
    try {
      isHeld = writes.length === 0 || await this.#write(writes, situation);
    } finally {
      const now = instantOf(this.#options.clock);
      if (!isHeld) { for (const { payment } of concluded) undo(payment, now); }
    }
    return isHeld;
  }

  /** What others write to is read before it is written: what was known long ago would not hold. */
  #doubtOutdated(buckets: readonly TrackedBucket[], now: Instant): void {
    for (const bucket of buckets) {
      bucket.isDoubtful ||= bucket.isContended(now) && !bucket.isFresh(now, this.#latencyMs);
    }
  }

  /** Reads what is not known for sure; whether there was any. */
  async #learn(buckets: readonly TrackedBucket[]): Promise<boolean> {
    const unknown = buckets.filter(({ isDoubtful }) => isDoubtful);
    if (unknown.length === 0) return false;
    const stored = await this.#options.store.read(unknown.map(({ key }) => key));
    const at = this.#options.clock.monotonic();
    for (const [index, bucket] of unknown.entries()) {
      const { version, level } = stored[index] ?? { level: undefined, version: null };
      if (bucket.storedAt !== undefined && bucket.stored.version !== version) {
        bucket.contendedAt = at;
      }
      bucket.stored = { level, version };
      bucket.storedAt = at;
      bucket.isDoubtful = false;
    }
    return true;
  }

  /** Whether the levels were written; a bucket whose fate is unknown is asked for again. */
  async #write(writes: readonly PlannedWrite[], situation: Situation): Promise<boolean> {
    const { now } = situation;
    const { store, clock } = this.#options;
    const returned = writes.map(({ bucket }) => bucket.returns.length);
    for (const { bucket } of writes) {
      bucket.isDoubtful = true;
      bucket.beginSettling();
    }
    // It may have been written after all, so what was given back with it is not given again.
    const forgetReturns = () =>
      writes.forEach(({ bucket }, index) => bucket.returns.splice(0, returned[index]));
    const sentAt = clock.monotonic();
    let version: string | undefined;
    try {
      version = await store.commit(writes);
      const tookMs = clock.monotonic() - sentAt;
      if (version === undefined && tookMs >= (store.repeatsAfterMs ?? Infinity)) forgetReturns();
    } catch (error) {
      forgetReturns();
      throw error;
    } finally {
      const ended = instantOf(clock);
      for (const { bucket } of writes) bucket.endSettling(version !== undefined, ended);
    }
    if (version === undefined) return false;
    for (const [index, write] of writes.entries()) {
      const { bucket, level } = write;
      bucket.stored = { level, version };
      bucket.storedAt = now.monotonic;
      bucket.isDoubtful = false;
      bucket.returns.splice(0, returned[index]);
      this.#lease(write, situation);
    }
    this.#batchSize = Math.min(store.maxWrites, this.#batchSize + 1);
    return true;
  }

  #lease({ bucket, leased }: PlannedWrite, situation: Situation): void {
    if (leased === 0) return;
    const needs = leaseNeedsOf(bucket, { ...situation, now: instantOf(this.#options.clock) });
    const renewMs = renewalMs(needs);
    const { resetAt } = bucket.stored.level ?? {};
    const lease = { tokens: leased, grantedAt: situation.now, resetAt };
    bucket.leases.add(lease, Math.floor(needs.demandPerMs * renewMs), renewMs);
    this.#options.onLease(bucket);
  }

  #timed(ms: number): void {
    this.#latencyMs = Math.max(ms, LATENCY_MEMORY * this.#latencyMs + (1 - LATENCY_MEMORY) * ms);
  }
}

/** What leases pay for a verdict; nothing for one that refuses. */
function paymentOf({ violated, leased, at }: PlannedDecision): Settlement {
  if (violated.length > 0 || leased.length === 0) return NOTHING_PAID;
  return payFromLeases(leased, at) ?? NOTHING_PAID;
}

/** Whether a denial rests on what may have changed; the store is then asked before it is given. */
function forgetStale(verdicts: readonly PlannedDecision[], now: Instant): boolean {
  let isStale = false;
  for (const { violated } of verdicts) {
    for (const { bucket } of violated) {
      if (bucket.isFresh(now, FREE_DENIAL_MS)) continue;
      bucket.isDoubtful = true;
      isStale = true;
    }
  }
  return isStale;
}

/** Whether somebody is refused while a lease has something: it goes back before that is said. */
function recallLeases(verdicts: readonly PlannedDecision[], now: Instant): boolean {
  let isRecalled = false;
  for (const { violated } of verdicts) {
    for (const { bucket } of violated) {
      if (bucket.leases.available(now) === 0) continue;
      bucket.returnLeases(now);
      isRecalled = true;
    }
  }
  return isRecalled;
}
