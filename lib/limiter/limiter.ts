import type { Clock, Random } from "../core/clock.ts";
import { grantOf } from "./grant.ts";
import { decideLocally } from "./local_fallback.ts";
import { BucketTable } from "./bucket_table.ts";
import { type PendingCharge, PendingRequest } from "./pending_request.ts";
import { type Instant, instantOf } from "./instant.ts";
import { LeaseKeeper } from "./leases/lease_keeper.ts";
import type { Charge, Decision, Denial, Grant } from "./limit.ts";
import { ReadyQueue } from "./ready_queue.ts";
import { WaitQueues } from "./wait_queue.ts";
import { spendLeases } from "./lease_spending.ts";
import { plan, type PlannedDecision } from "./plan.ts";
import { StoreFailure } from "../store/store_failure.ts";
import type { BucketStore } from "./stores/bucket_store.ts";
import type { TrackedBucket } from "./tracked_bucket.ts";
import {
  type Batch,
  type CommittedDecision,
  LOCAL_DENIAL_MS,
  Transactions,
} from "./transactions.ts";

/** Dependencies of a limiter. */
export interface LimiterOptions {
  readonly store: BucketStore;
  readonly clock: Clock;
  readonly random: Random;
  /** How many idle buckets stay in memory; dropping one costs a read and changes no decision. */
  readonly maxBuckets: number;
  /** Called with unexpected errors of the limiter, but not with failures of the store. */
  readonly onError?: (error: unknown) => void;
}

/** How long a caller waits for a decision. */
export interface TakeOptions {
  readonly signal: AbortSignal;
  /** When the decision is no longer of use (monotonic ms). */
  readonly deadline: number;
}

/** The share of `maxBuckets` that may have leases. */
const LEASED_SHARE = 1 / 4;

/**
 * Takes tokens from buckets that several processes share, exactly.
 *
 * At most one transaction uses a bucket at any time; requests that arrive meanwhile are decided in the
 * next one, in order of arrival. Buckets that are due together share a transaction. Two
 * kinds of decisions need no call to the store: denials, for a moment after a bucket was seen empty,
 * and grants of leased tokens of a large, busy bucket.
 */
export class Limiter {
  readonly #options: LimiterOptions;
  readonly #buckets: BucketTable;
  readonly #waitQueues = new WaitQueues();
  readonly #transactions: Transactions;
  readonly #leases: LeaseKeeper;
  readonly #ready: ReadyQueue;
  #orders = 0;
  #running = 0;
  #closing: PromiseWithResolvers<void> | undefined;

  constructor(options: LimiterOptions) {
    const { clock, random, maxBuckets, store } = options;
    this.#options = options;
    this.#buckets = new BucketTable(maxBuckets);
    this.#ready = new ReadyQueue(this.#buckets);
    this.#leases = new LeaseKeeper({
      clock,
      buckets: this.#buckets,
      write: (bucket) => this.#renew(bucket),
    });
    this.#transactions = new Transactions({
      store,
      clock,
      random,
      waitQueues: this.#waitQueues,
      mayLease: ({ leases }) =>
        !this.#closing && (!leases.isEmpty || this.#leases.size < maxBuckets * LEASED_SHARE),
      onLease: (bucket) => this.#leases.keep(bucket),
    });
  }

  /** Whether the store is not to be called: its circuit is open, and no probe is due. */
  get #isStoreAway(): boolean {
    return this.#options.store.isAvailable === false;
  }

  /** How many buckets are in memory. */
  get size(): number {
    return this.#buckets.size;
  }

  /** How many buckets have leases. */
  get leasedBuckets(): number {
    return this.#leases.size;
  }

  /** How transactions ended, and how many leases they made, since the start. */
  get counts(): Transactions["counts"] {
    return this.#transactions.counts;
  }

  /** The leased tokens of a bucket that this process can spend now. */
  leasedTokens(key: string): number {
    return this.#buckets.find(key)?.leases.available(instantOf(this.#options.clock)) ?? 0;
  }

  /** Drops the state of buckets that the operator wrote, and decides their waiting requests again. */
  forget(keys: readonly string[]): void {
    for (const key of keys) {
      const bucket = this.#buckets.find(key);
      if (bucket === undefined) continue;
      bucket.forget();
      for (const request of [...this.#waitQueues.of(bucket)]) this.#wake(request);
    }
  }

  /**
   * Takes all charges or none.
   * @throws the signal's reason, when it aborts before there is a decision
   */
  take(charges: readonly Charge[], options: TakeOptions): Decision | Promise<Decision> {
    const now = instantOf(this.#options.clock);
    const pending = charges.map((charge) => ({
      charge,
      bucket: this.#buckets.get(charge.key, charge.limit.shape),
    }));
    const known = this.#grantFromLeases(pending, options, now) ??
      this.#denyLocally(pending, options, now);
    if (known) return known;
    if (this.#isStoreAway) return decideLocally(pending, now);
    return this.#decideWithStore(pending, options, now);
  }

  /** Returns all leases, and leases nothing more. Resolves when the store has them. */
  close(): Promise<void> {
    if (this.#closing) return this.#closing.promise;
    this.#closing = Promise.withResolvers();
    this.#leases.returnAll();
    this.#pump();
    return this.#closing.promise;
  }

  /** Grants without the store: every charge is covered by leases, and no earlier request is pending. */
  #grantFromLeases(
    pending: readonly PendingCharge[],
    { signal }: TakeOptions,
    now: Instant,
  ): Grant | undefined {
    const isLeased = pending.every(({ bucket }) =>
      !bucket.leases.isEmpty && bucket.pendingRequests === 0
    );
    if (!isLeased || signal.aborted) return undefined;
    const spending = spendLeases(pending, now);
    if (spending === undefined) return undefined;
    const { clock, store: { skewMs } } = this.#options;
    const buckets = pending.map(({ charge, bucket }) => {
      bucket.demand.add(charge.tokens, now.monotonic);
      if (!bucket.isBusy && bucket.leases.isLow(now)) this.#renew(bucket);
      return { charge, level: bucket.knownAt(now, skewMs) };
    });
    return grantOf({ charges: pending, buckets, at: now, spending, clock });
  }

  /** Denies without the store: a bucket seen empty cannot have filled since. */
  #denyLocally(
    pending: readonly PendingCharge[],
    { deadline }: TakeOptions,
    now: Instant,
  ): Denial | undefined {
    const facts = { order: this.#orders, arrivedAt: now.monotonic, deadline };
    const context = this.#transactions.context(now);
    const [planned] = plan([new PendingRequest(pending, facts)], context).decisions;
    const isSure = planned?.violated.some(({ charge, bucket }) =>
      charge.limit.waitMs === 0 && bucket.isFresh(now, LOCAL_DENIAL_MS) &&
      !bucket.isAhead(now, context.skewMs) && bucket.leases.available(now) === 0
    );
    return planned && isSure ? this.#denialOf(planned) : undefined;
  }

  async #decideWithStore(
    pending: readonly PendingCharge[],
    { signal, deadline }: TakeOptions,
    now: Instant,
  ): Promise<Decision> {
    const facts = { order: this.#orders++, arrivedAt: now.monotonic, deadline };
    const request = new PendingRequest(pending, facts);
    for (const { charge, bucket } of pending) {
      this.#buckets.hold(bucket);
      bucket.pendingRequests++;
      bucket.demand.add(charge.tokens, now.monotonic);
    }
    const leave = () => this.#cancel(request, signal.reason);
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
    this.#ready.add(request);
    queueMicrotask(() => this.#pump());
    try {
      return await request.decision;
    } finally {
      signal.removeEventListener("abort", leave);
      for (const { bucket } of pending) {
        bucket.pendingRequests--;
        this.#buckets.release(bucket);
      }
    }
  }

  /** Has a bucket written soon; while the store is lost, with a later write. */
  #renew(bucket: TrackedBucket): void {
    if (this.#isStoreAway || !this.#ready.addRenewal(bucket)) return;
    queueMicrotask(() => this.#pump());
  }

  /** Starts transactions, as many at once as pay off with the store. */
  #pump(): void {
    if (this.#isStoreAway) this.#decideAllLocally();
    while (this.#running < this.#options.store.concurrency) {
      const batch = this.#ready.nextBatch(this.#transactions.batchSize);
      if (batch.buckets.length === 0) break;
      this.#running++;
      this.#transact(batch);
    }
    if (this.#running === 0 && !this.#ready.hasRenewals) this.#closing?.resolve();
  }

  /** Decides what is ready and in no transaction. */
  #decideAllLocally(): void {
    const now = instantOf(this.#options.clock);
    for (const request of this.#ready.takeUndecided()) {
      this.#settle(request, decideLocally(request.charges, now));
    }
  }

  async #transact(batch: Batch): Promise<void> {
    try {
      for (const committed of await this.#transactions.run(batch)) this.#apply(committed);
    } catch (error) {
      if (!(error instanceof StoreFailure)) this.#options.onError?.(error);
      const now = instantOf(this.#options.clock);
      for (const request of batch.requests) {
        request.isInTransaction = false;
        if (!request.isDone) this.#settle(request, decideLocally(request.charges, now));
      }
    }
    for (const bucket of batch.buckets) {
      bucket.isBusy = false;
      this.#buckets.release(bucket);
    }
    this.#running--;
    this.#pump();
  }

  #apply({ decision: planned, spending }: CommittedDecision): void {
    const { request, violated, buckets, at } = planned;
    const { clock } = this.#options;
    request.isInTransaction = false;
    if (violated.length === 0) {
      const granted = grantOf({ charges: request.charges, buckets, at, spending, clock });
      if (request.isDone) granted.refund(() => true);
      else this.#settle(request, granted);
    } else if (!request.isDone) {
      if (planned.isWaiting) this.#wait(request, planned.waitMs);
      else this.#settle(request, this.#denialOf(planned));
    }
  }

  /** Lets a request wait for its tokens. */
  #wait(request: PendingRequest, waitMs: number): void {
    this.#waitQueues.add(request);
    // Woken during its transaction: it is decided again at once, and needs no timer.
    if (request.isReady) return;
    request.timer = new AbortController();
    // At least 1 ms: a wait of 0 would be retried forever within one moment.
    this.#options.clock.sleep(Math.max(1, waitMs), request.timer.signal).then(
      () => this.#wake(request),
      () => {},
    );
  }

  #wake(request: PendingRequest): void {
    this.#ready.add(request);
    this.#pump();
  }

  #settle(request: PendingRequest, decision: Decision): void {
    request.settle(decision);
    this.#leave(request);
  }

  #cancel(request: PendingRequest, reason: unknown): void {
    request.cancel(reason);
    this.#leave(request);
  }

  /** Stops its timer, and wakes the requests behind it, which may be granted sooner now. */
  #leave(request: PendingRequest): void {
    request.timer?.abort();
    for (const next of this.#waitQueues.remove(request)) queueMicrotask(() => this.#wake(next));
  }

  /** Adds the clock skew: the client may come back to a machine whose clock is behind. */
  #denialOf({ buckets, violated, waitMs }: PlannedDecision): Denial {
    return {
      outcome: "denied",
      buckets,
      violated: violated.map(({ charge }) => charge),
      retryAfterMs: waitMs + this.#options.store.skewMs,
    };
  }
}
