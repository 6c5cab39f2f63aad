import type { Clock, Random } from "../core/clock.ts";
import { nextDecision } from "./decision_order.ts";
import { decideLocally } from "./local_fallback.ts";
import { BucketTable } from "./bucket_table.ts";
import { type PendingCharge, PendingRequest } from "./pending_request.ts";
import { type Instant, instantOf } from "./instant.ts";
import { LeaseKeeper } from "./leases/lease_keeper.ts";
import type { Charge, Decision, Denial, Grant } from "./limit.ts";
import { WaitQueues } from "./wait_queue.ts";
import { payFromLeases } from "./settlement.ts";
import { plan, type PlannedDecision } from "./plan.ts";
import type { BucketStore } from "./stores/bucket_store.ts";
import { StoreHealth } from "./stores/store_health.ts";
import type { TrackedBucket } from "./tracked_bucket.ts";
import { type Batch, type Concluded, FREE_DENIAL_MS, Transactions } from "./transactions.ts";

/** What a limiter needs. */
export interface LimiterOptions {
  readonly store: BucketStore;
  readonly clock: Clock;
  readonly random: Random;
  /** How many buckets are remembered; forgetting one costs a read and changes nothing. */
  readonly maxBuckets: number;
  /** Told when the store is lost, and when it is back. */
  readonly onStoreChange?: (failure: unknown) => void;
}

/** Who asks, as far as waiting goes. */
export interface Patience {
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
  readonly #health: StoreHealth;
  readonly #lines = new WaitQueues();
  readonly #transactions: Transactions;
  readonly #leases: LeaseKeeper;
  /** Buckets to write, whether or not a claim wants them: leases end there, or begin. */
  readonly #renewals = new Set<TrackedBucket>();
  #due: PendingRequest[] = [];
  #orders = 0;
  #running = 0;
  #closing: PromiseWithResolvers<void> | undefined;

  constructor(options: LimiterOptions) {
    const { clock, random, maxBuckets, store, onStoreChange = () => {} } = options;
    this.#options = options;
    this.#buckets = new BucketTable(maxBuckets);
    this.#health = new StoreHealth(clock, random, onStoreChange);
    this.#leases = new LeaseKeeper({
      clock,
      buckets: this.#buckets,
      write: (bucket) => this.#renew(bucket),
    });
    this.#transactions = new Transactions({
      store,
      clock,
      random,
      lines: this.#lines,
      health: this.#health,
      mayLease: ({ leases }) =>
        !this.#closing && (!leases.isEmpty || this.#leases.size < maxBuckets * LEASED_SHARE),
      onLease: (bucket) => this.#leases.keep(bucket),
    });
  }

  /** How many buckets are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** How many tokens of a bucket are leased here, and may be spent now. */
  leased(key: string): number {
    return this.#buckets.find(key)?.leases.available(instantOf(this.#options.clock)) ?? 0;
  }

  /** Somebody wrote buckets anew: nothing that is known of them holds, and who waits is decided again. */
  forget(keys: readonly string[]): void {
    for (const key of keys) {
      const bucket = this.#buckets.find(key);
      if (bucket === undefined) continue;
      bucket.forget();
      for (const claim of [...this.#lines.of(bucket)]) this.#wake(claim);
    }
  }

  /**
   * Takes all charges or none.
   * @throws the signal's reason, when it aborts before there is a decision
   */
  take(charges: readonly Charge[], patience: Patience): Decision | Promise<Decision> {
    const now = instantOf(this.#options.clock);
    const claimed = charges.map((charge) => ({
      charge,
      bucket: this.#buckets.get(charge.key, charge.limit.shape),
    }));
    const known = this.#takeLeased(claimed, patience, now) ??
      this.#denyFreely(claimed, patience, now);
    if (known) return known;
    const isProbe = this.#health.mayProbe();
    if (this.#health.isLost && !isProbe) return decideLocally(claimed, now);
    return this.#ask(claimed, patience, now, isProbe);
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
  #takeLeased(
    claimed: readonly PendingCharge[],
    { signal }: Patience,
    now: Instant,
  ): Grant | undefined {
    const isLeased = claimed.every(({ bucket }) => !bucket.leases.isEmpty && bucket.asking === 0);
    if (!isLeased || signal.aborted) return undefined;
    const payment = payFromLeases(claimed, now);
    if (payment === undefined) return undefined;
    const { clock, store: { skewMs } } = this.#options;
    const buckets = claimed.map(({ charge, bucket }) => {
      bucket.demand.add(charge.tokens, now.monotonic);
      if (!bucket.isBusy && bucket.leases.isLow(now)) this.#renew(bucket);
      return { charge, level: bucket.knownAt(now, skewMs) };
    });
    return nextDecision({ charges: claimed, buckets, at: now, payment, clock });
  }

  /** A denial that needs no store: a bucket seen empty cannot have filled before its time. */
  #denyFreely(
    claimed: readonly PendingCharge[],
    { deadline }: Patience,
    now: Instant,
  ): Denial | undefined {
    const facts = { order: this.#orders, since: now.monotonic, deadline, isProbe: false };
    const situation = this.#transactions.situation(now);
    const [verdict] = plan([new PendingRequest(claimed, facts)], situation).verdicts;
    const isSure = verdict?.violated.some(({ charge, bucket }) =>
      charge.limit.waitMs === 0 && bucket.isFresh(now, FREE_DENIAL_MS) &&
      !bucket.isAhead(now, situation.skewMs) && bucket.leases.available(now) === 0
    );
    return verdict && isSure ? this.#denialOf(verdict) : undefined;
  }

  async #ask(
    claimed: readonly PendingCharge[],
    { signal, deadline }: Patience,
    now: Instant,
    isProbe: boolean,
  ): Promise<Decision> {
    const facts = { order: this.#orders++, since: now.monotonic, deadline, isProbe };
    const claim = new PendingRequest(claimed, facts);
    for (const { charge, bucket } of claimed) {
      this.#buckets.hold(bucket);
      bucket.asking++;
      bucket.demand.add(charge.tokens, now.monotonic);
      if (isProbe) bucket.isDoubtful = true;
    }
    const leave = () => this.#abandon(claim, signal.reason);
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
    this.#enqueue(claim);
    queueMicrotask(() => this.#pump());
    try {
      return await claim.decision;
    } finally {
      signal.removeEventListener("abort", leave);
      for (const { bucket } of claimed) {
        bucket.asking--;
        this.#buckets.release(bucket);
      }
    }
  }

  /** Has a bucket written soon; what is due for it goes with a later write when the store is lost. */
  #renew(bucket: TrackedBucket): void {
    if (this.#health.isLost || this.#renewals.has(bucket)) return;
    this.#renewals.add(bucket);
    this.#buckets.hold(bucket);
    queueMicrotask(() => this.#pump());
  }

  /** Puts a claim among those that are decided next, at its place. */
  #enqueue(claim: PendingRequest): void {
    if (claim.isOver || claim.isDue) return;
    claim.isDue = true;
    claim.alarm?.abort();
    claim.alarm = undefined;
    const place = this.#due.findLastIndex(({ order }) => order < claim.order) + 1;
    this.#due.splice(place, 0, claim);
  }

  /** Starts transactions for what is due, as many as the store is worth. */
  #pump(): void {
    if (this.#health.isLost) this.#doWithoutStore();
    while (this.#running < this.#options.store.concurrency) {
      const batch = this.#nextBatch();
      if (batch.buckets.length === 0) break;
      this.#running++;
      this.#transact(batch);
    }
    if (this.#running === 0 && this.#renewals.size === 0) this.#closing?.resolve();
  }

  /** All but the one that tries the store. */
  #doWithoutStore(): void {
    for (const bucket of this.#renewals) this.#buckets.release(bucket);
    this.#renewals.clear();
    const now = instantOf(this.#options.clock);
    const due = this.#due;
    this.#due = due.filter(({ isProbe, isInHand }) => isProbe || isInHand);
    for (const claim of due) {
      if (claim.isProbe || claim.isInHand || claim.isOver) continue;
      claim.isDue = false;
      this.#settle(claim, decideLocally(claim.charges, now));
    }
  }

  /** Claims on buckets that no transaction has, none passing another that wants the same bucket. */
  #nextBatch(): Batch {
    const { batchSize } = this.#transactions;
    const buckets = new Set<TrackedBucket>();
    const passed = new Set<TrackedBucket>();
    const batch: PendingRequest[] = [];
    const rest: PendingRequest[] = [];
    for (const claim of this.#due) {
      if (claim.isOver) continue;
      const wanted = claim.charges.map(({ bucket }) => bucket);
      const added = wanted.filter((bucket) => !buckets.has(bucket)).length;
      const isFree = wanted.every((bucket) => !bucket.isBusy && !passed.has(bucket));
      const fits = buckets.size === 0 || buckets.size + added <= batchSize;
      for (const bucket of wanted) (isFree && fits ? buckets : passed).add(bucket);
      (isFree && fits ? batch : rest).push(claim);
    }
    this.#due = rest;
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
    for (const claim of batch) {
      claim.isDue = false;
      claim.isInHand = true;
    }
    return { claims: batch, buckets: [...buckets], due };
  }

  async #transact(batch: Batch): Promise<void> {
    try {
      for (const concluded of await this.#transactions.run(batch)) this.#conclude(concluded);
    } catch (error) {
      this.#health.failed(error);
      const now = instantOf(this.#options.clock);
      for (const claim of batch.claims) {
        claim.isInHand = false;
        if (!claim.isOver) this.#settle(claim, decideLocally(claim.charges, now));
      }
    }
    for (const bucket of batch.buckets) {
      bucket.isBusy = false;
      this.#buckets.release(bucket);
    }
    this.#running--;
    this.#pump();
  }

  #conclude({ verdict, payment }: Concluded): void {
    const { claim, violated, buckets, at } = verdict;
    const { clock } = this.#options;
    claim.isInHand = false;
    if (violated.length === 0) {
      const admitted = nextDecision({ charges: claim.charges, buckets, at, payment, clock });
      if (claim.isOver) admitted.giveBack(() => true);
      else this.#settle(claim, admitted);
    } else if (!claim.isOver) {
      if (verdict.isWaiting) this.#wait(claim, verdict.waitMs);
      else this.#settle(claim, this.#denialOf(verdict));
    }
  }

  /** Lets a claim wait for its tokens. */
  #wait(claim: PendingRequest, waitMs: number): void {
    this.#lines.add(claim);
    // Woken while it was in hand: it is decided again at once, and needs no alarm.
    if (claim.isDue) return;
    claim.alarm = new AbortController();
    // At least one: a wait of nothing would be tried again for ever within one moment.
    this.#options.clock.sleep(Math.max(1, waitMs), claim.alarm.signal).then(
      () => this.#wake(claim),
      () => {},
    );
  }

  #wake(claim: PendingRequest): void {
    this.#enqueue(claim);
    this.#pump();
  }

  #settle(claim: PendingRequest, decision: Decision): void {
    claim.settle(decision);
    this.#leave(claim);
  }

  #abandon(claim: PendingRequest, reason: unknown): void {
    claim.abandon(reason);
    this.#leave(claim);
    if (claim.isProbe && this.#health.isLost) this.#health.probeGivenUp();
  }

  /** Ends its sleep, and wakes those behind it: they may be served sooner now. */
  #leave(claim: PendingRequest): void {
    claim.alarm?.abort();
    for (const next of this.#lines.remove(claim)) queueMicrotask(() => this.#wake(next));
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
