import type { Clock, Random } from "../core/clock.ts";
import { grantOf } from "./grant.ts";
import { decideLocally } from "./local_fallback.ts";
import { BucketTable } from "./bucket_table.ts";
import { type PendingCharge, PendingRequest } from "./pending_request.ts";
import { type Instant, instantOf } from "./instant.ts";
import { LeaseKeeper } from "./leases/lease_keeper.ts";
import type { Charge, Decision, Denial, Grant } from "./limit.ts";
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

/** What a limiter needs. */
export interface LimiterOptions {
  readonly store: BucketStore;
  readonly clock: Clock;
  readonly random: Random;
  /** How many buckets are remembered; forgetting one costs a read and changes nothing. */
  readonly maxBuckets: number;
  /** Told of what went wrong in the limiter itself; failures of the store are not its own. */
  readonly onError?: (error: unknown) => void;
}

/** Who asks, as far as waiting goes. */
export interface TakeOptions {
  readonly signal: AbortSignal;
  /** When an answer is of no use any more (monotonic ms). */
  readonly deadline: number;
}

/** Of so many of the remembered buckets there may be leases. */
const LEASED_SHARE = 1 / 4;

/**
 * Takes tokens from buckets that several processes share, exactly.
 *
 * At most one transaction has a bucket at any time; all who want something of it meanwhile are
 * decided in the next, in the order in which they came. Different buckets that are due together
 * share a transaction. A bucket that was seen empty is denied without asking; of one that is busy
 * and large, tokens are leased, and spent without asking.
 */
export class Limiter {
  readonly #options: LimiterOptions;
  readonly #buckets: BucketTable;
  readonly #waitQueues = new WaitQueues();
  readonly #transactions: Transactions;
  readonly #leases: LeaseKeeper;
  /** Buckets to write, whether or not a request wants them: leases end there, or begin. */
  readonly #renewals = new Set<TrackedBucket>();
  #ready: PendingRequest[] = [];
  #orders = 0;
  #running = 0;
  #closing: PromiseWithResolvers<void> | undefined;

  constructor(options: LimiterOptions) {
    const { clock, random, maxBuckets, store } = options;
    this.#options = options;
    this.#buckets = new BucketTable(maxBuckets);
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

  /** How many buckets are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** How many tokens of a bucket are leased here, and may be spent now. */
  leasedTokens(key: string): number {
    return this.#buckets.find(key)?.leases.available(instantOf(this.#options.clock)) ?? 0;
  }

  /** Somebody wrote buckets anew: nothing that is known of them holds, and who waits is decided again. */
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
  take(charges: readonly Charge[], patience: TakeOptions): Decision | Promise<Decision> {
    const now = instantOf(this.#options.clock);
    const pending = charges.map((charge) => ({
      charge,
      bucket: this.#buckets.get(charge.key, charge.limit.shape),
    }));
    const known = this.#grantFromLeases(pending, patience, now) ??
      this.#denyLocally(pending, patience, now);
    if (known) return known;
    if (this.#isStoreAway) return decideLocally(pending, now);
    return this.#decideWithStore(pending, patience, now);
  }

  /** Gives back what is leased, and leases nothing more. Resolves when the store has it. */
  close(): Promise<void> {
    if (this.#closing) return this.#closing.promise;
    this.#closing = Promise.withResolvers();
    this.#leases.returnAll();
    this.#pump();
    return this.#closing.promise;
  }

  /** An admission that needs no store: all that is wanted was leased, and nobody came before. */
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

  /** A denial that needs no store: a bucket seen empty cannot have filled before its time. */
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
    this.#enqueue(request);
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

  /** Has a bucket written soon; what is due for it goes with a later write when the store is lost. */
  #renew(bucket: TrackedBucket): void {
    if (this.#isStoreAway || this.#renewals.has(bucket)) return;
    this.#renewals.add(bucket);
    this.#buckets.hold(bucket);
    queueMicrotask(() => this.#pump());
  }

  /** Puts a request among those that are decided next, at its place. */
  #enqueue(request: PendingRequest): void {
    if (request.isDone || request.isReady) return;
    request.isReady = true;
    request.timer?.abort();
    request.timer = undefined;
    const place = this.#ready.findLastIndex(({ order }) => order < request.order) + 1;
    this.#ready.splice(place, 0, request);
  }

  /** Starts transactions for what is due, as many as the store is worth. */
  #pump(): void {
    if (this.#isStoreAway) this.#decideAllLocally();
    while (this.#running < this.#options.store.concurrency) {
      const batch = this.#nextBatch();
      if (batch.buckets.length === 0) break;
      this.#running++;
      this.#transact(batch);
    }
    if (this.#running === 0 && this.#renewals.size === 0) this.#closing?.resolve();
  }

  /** Decides all that is due and in no transaction. */
  #decideAllLocally(): void {
    for (const bucket of this.#renewals) this.#buckets.release(bucket);
    this.#renewals.clear();
    const now = instantOf(this.#options.clock);
    const due = this.#ready;
    this.#ready = due.filter(({ isInTransaction }) => isInTransaction);
    for (const request of due) {
      if (request.isInTransaction || request.isDone) continue;
      request.isReady = false;
      this.#settle(request, decideLocally(request.charges, now));
    }
  }

  /** Claims on buckets that no transaction has, none passing another that wants the same bucket. */
  #nextBatch(): Batch {
    const { batchSize } = this.#transactions;
    const buckets = new Set<TrackedBucket>();
    const passed = new Set<TrackedBucket>();
    const batch: PendingRequest[] = [];
    const rest: PendingRequest[] = [];
    for (const request of this.#ready) {
      if (request.isDone) continue;
      const wanted = request.charges.map(({ bucket }) => bucket);
      const added = wanted.filter((bucket) => !buckets.has(bucket)).length;
      const isFree = wanted.every((bucket) => !bucket.isBusy && !passed.has(bucket));
      const fits = buckets.size === 0 || buckets.size + added <= batchSize;
      for (const bucket of wanted) (isFree && fits ? buckets : passed).add(bucket);
      (isFree && fits ? batch : rest).push(request);
    }
    this.#ready = rest;
    const due = [...this.#renewals].filter((bucket) => {
      const fits = buckets.has(bucket) || buckets.size < batchSize;
      if (bucket.isBusy || passed.has(bucket) || !fits) return false;
      buckets.add(bucket);
      this.#renewals.delete(bucket);
      this.#buckets.release(bucket);
      return true;
    });
    for (const bucket of buckets) {
      bucket.isBusy = true;
      this.#buckets.hold(bucket);
    }
    for (const request of batch) {
      request.isReady = false;
      request.isInTransaction = true;
    }
    return { requests: batch, buckets: [...buckets], renewals: due };
  }

  async #transact(batch: Batch): Promise<void> {
    try {
      for (const concluded of await this.#transactions.run(batch)) this.#apply(concluded);
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
      const admitted = grantOf({ charges: request.charges, buckets, at, spending, clock });
      if (request.isDone) admitted.refund(() => true);
      else this.#settle(request, admitted);
    } else if (!request.isDone) {
      if (planned.isWaiting) this.#wait(request, planned.waitMs);
      else this.#settle(request, this.#denialOf(planned));
    }
  }

  /** Lets a request wait for its tokens. */
  #wait(request: PendingRequest, waitMs: number): void {
    this.#waitQueues.add(request);
    // Woken while it was in hand: it is decided again at once, and needs no alarm.
    if (request.isReady) return;
    request.timer = new AbortController();
    // At least one: a wait of nothing would be tried again for ever within one moment.
    this.#options.clock.sleep(Math.max(1, waitMs), request.timer.signal).then(
      () => this.#wake(request),
      () => {},
    );
  }

  #wake(request: PendingRequest): void {
    this.#enqueue(request);
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

  /** Ends its sleep, and wakes those behind it: they may be served sooner now. */
  #leave(request: PendingRequest): void {
    request.timer?.abort();
    for (const next of this.#waitQueues.remove(request)) queueMicrotask(() => this.#wake(next));
  }

  /** A client may come back to a machine whose clock is behind: it is told to wait for that, too. */
  #denialOf({ buckets, violated, waitMs }: PlannedDecision): Denial {
    return {
      outcome: "denied",
      buckets,
      violated: violated.map(({ charge }) => charge),
      retryAfterMs: waitMs + this.#options.store.skewMs,
    };
  }
}
