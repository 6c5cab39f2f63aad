import type { Clock, Random } from "../clock.ts";
import { decideAlone } from "./alone.ts";
import { BucketTable } from "./bucket_table.ts";
import { Claim, type ClaimedCharge } from "./claim.ts";
import type { Admitted, Charge, Decision, Denied } from "./limit.ts";
import { Lines } from "./lines.ts";
import { type Plan, plan, type Verdict } from "./plan.ts";
import type { BucketStore } from "./store.ts";
import { StoreHealth } from "./store_health.ts";
import { type Instant, instantOf, type TrackedBucket } from "./tracked_bucket.ts";

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

/** For how long an empty bucket is known to be empty without asking: resets are felt after it (ms). */
const FREE_DENIAL_MS = 1_000;
/** How often a transaction is tried against other processes, and how long between (ms). */
const ATTEMPTS = 24;
const BACKOFF_MS = 2;
const LONGEST_BACKOFF_MS = 64;
/** When nothing could be decided for all that contention: what the client is told (ms). */
const CONTENDED_RETRY_MS = 1_000;

/**
 * Takes tokens from buckets that several processes share, exactly.
 *
 * At most one transaction has a bucket at any time; all who want something of it meanwhile are
 * decided in the next, in the order in which they came. Different buckets that are due together
 * share a transaction. A bucket that was seen empty is denied without asking.
 */
export class Limiter {
  readonly #options: LimiterOptions;
  readonly #buckets: BucketTable;
  readonly #health: StoreHealth;
  readonly #lines = new Lines();
  #due: Claim[] = [];
  #orders = 0;
  #running = 0;
  /** How many buckets share a transaction: fewer while other processes keep spoiling them. */
  #batchSize: number;

  constructor(options: LimiterOptions) {
    const { clock, random, maxBuckets, store, onStoreChange = () => {} } = options;
    this.#options = options;
    this.#buckets = new BucketTable(maxBuckets);
    this.#health = new StoreHealth(clock, random, onStoreChange);
    this.#batchSize = store.maxWrites;
  }

  /** How many buckets are remembered. */
  get size(): number {
    return this.#buckets.size;
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
    const denied = this.#denyFreely(claimed, patience, now);
    if (denied) return denied;
    const isProbe = this.#health.mayProbe();
    if (this.#health.isLost && !isProbe) return decideAlone(claimed, now);
    return this.#ask(claimed, patience, now, isProbe);
  }

  /** A denial that needs no store: a bucket seen empty cannot have filled before its time. */
  #denyFreely(
    claimed: readonly ClaimedCharge[],
    { deadline }: Patience,
    now: Instant,
  ): Denied | undefined {
    const { skewMs } = this.#options.store;
    const facts = { order: this.#orders, since: now.monotonic, deadline, isProbe: false };
    const [verdict] = plan([new Claim(claimed, facts)], this.#lines, now, skewMs).verdicts;
    const isSure = verdict?.violated.some(({ charge, bucket }) =>
      charge.limit.waitMs === 0 && bucket.isFresh(now, FREE_DENIAL_MS) &&
      !bucket.isAhead(now, skewMs)
    );
    return verdict && isSure ? this.#denialOf(verdict) : undefined;
  }

  async #ask(
    claimed: readonly ClaimedCharge[],
    { signal, deadline }: Patience,
    now: Instant,
    isProbe: boolean,
  ): Promise<Decision> {
    const facts = { order: this.#orders++, since: now.monotonic, deadline, isProbe };
    const claim = new Claim(claimed, facts);
    for (const { bucket } of claimed) {
      this.#buckets.hold(bucket);
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
      for (const { bucket } of claimed) this.#buckets.release(bucket);
    }
  }

  /** Puts a claim among those that are decided next, at its place. */
  #enqueue(claim: Claim): void {
    if (claim.isOver || claim.isDue) return;
    claim.isDue = true;
    claim.alarm?.abort();
    claim.alarm = undefined;
    const place = this.#due.findLastIndex(({ order }) => order < claim.order) + 1;
    this.#due.splice(place, 0, claim);
  }

  /** Starts transactions for what is due, as many as the store is worth. */
  #pump(): void {
    if (this.#health.isLost) this.#decideDueAlone();
    while (this.#running < this.#options.store.concurrency) {
      const batch = this.#nextBatch();
      if (batch.length === 0) return;
      this.#running++;
      this.#transact(batch);
    }
  }

  /** All but the one that tries the store. */
  #decideDueAlone(): void {
    const now = instantOf(this.#options.clock);
    const due = this.#due;
    this.#due = due.filter(({ isProbe, isInHand }) => isProbe || isInHand);
    for (const claim of due) {
      if (claim.isProbe || claim.isInHand || claim.isOver) continue;
      claim.isDue = false;
      this.#settle(claim, decideAlone(claim.charges, now));
    }
  }

  /** Claims on buckets that no transaction has, none passing another that wants the same bucket. */
  #nextBatch(): Claim[] {
    const buckets = new Set<TrackedBucket>();
    const passed = new Set<TrackedBucket>();
    const batch: Claim[] = [];
    const rest: Claim[] = [];
    for (const claim of this.#due) {
      if (claim.isOver) continue;
      const wanted = claim.charges.map(({ bucket }) => bucket);
      const added = wanted.filter((bucket) => !buckets.has(bucket)).length;
      const isFree = wanted.every((bucket) => !bucket.isBusy && !passed.has(bucket));
      const fits = buckets.size === 0 || buckets.size + added <= this.#batchSize;
      for (const bucket of wanted) (isFree && fits ? buckets : passed).add(bucket);
      (isFree && fits ? batch : rest).push(claim);
    }
    this.#due = rest;
    for (const bucket of buckets) {
      bucket.isBusy = true;
      this.#buckets.hold(bucket);
    }
    for (const claim of batch) {
      claim.isDue = false;
      claim.isInHand = true;
    }
    return batch;
  }

  async #transact(batch: Claim[]): Promise<void> {
    const buckets = new Set(batch.flatMap(({ charges }) => charges.map(({ bucket }) => bucket)));
    try {
      for (const verdict of await this.#commit(batch, [...buckets])) this.#conclude(verdict);
    } catch (error) {
      this.#health.failed(error);
      const now = instantOf(this.#options.clock);
      for (const claim of batch) {
        claim.isInHand = false;
        if (!claim.isOver) this.#settle(claim, decideAlone(claim.charges, now));
      }
    }
    for (const bucket of buckets) {
      bucket.isBusy = false;
      this.#buckets.release(bucket);
    }
    this.#running--;
    this.#pump();
  }

  /** Decides, and makes the decisions hold; tries again whenever another process was faster. */
  async #commit(
    batch: readonly Claim[],
    buckets: readonly TrackedBucket[],
  ): Promise<readonly Verdict[]> {
    const { store, clock, random } = this.#options;
    let isAsked = false;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      isAsked = await this.#learn(buckets) || isAsked;
      const now = instantOf(clock);
      const claims = batch.filter(({ isOver }) => !isOver);
      const { verdicts, writes } = plan(claims, this.#lines, now, store.skewMs);
      if (forgetStale(verdicts, now)) continue;
      if (writes.length === 0 || await this.#write(writes, now)) {
        if (isAsked || writes.length > 0) this.#health.succeeded();
        return verdicts;
      }
      this.#batchSize = Math.max(1, Math.floor(this.#batchSize / 2));
      await clock.sleep(random() * Math.min(LONGEST_BACKOFF_MS, BACKOFF_MS * 2 ** attempt));
    }
    this.#health.succeeded();
    const at = instantOf(clock);
    return batch.map((claim) => ({
      claim,
      buckets: [],
      violated: claim.charges,
      waitMs: CONTENDED_RETRY_MS,
      isWaiting: false,
      at,
    }));
  }

  /** Reads what is not known for sure; whether there was any. */
  async #learn(buckets: readonly TrackedBucket[]): Promise<boolean> {
    const unknown = buckets.filter(({ isDoubtful }) => isDoubtful);
    if (unknown.length === 0) return false;
    const stored = await this.#options.store.read(unknown.map(({ key }) => key));
    const at = this.#options.clock.monotonic();
    for (const [index, bucket] of unknown.entries()) {
      bucket.stored = stored[index] ?? { level: undefined, version: null };
      bucket.storedAt = at;
      bucket.isDoubtful = false;
    }
    return true;
  }

  /** Whether the levels were written; a bucket whose fate is unknown is asked for again. */
  async #write(writes: Plan["writes"], now: Instant): Promise<boolean> {
    const returned = writes.map(({ bucket }) => bucket.returns.length);
    for (const { bucket } of writes) {
      bucket.isDoubtful = true;
      bucket.beginSettling();
    }
    let version: string | undefined;
    try {
      version = await this.#options.store.commit(writes);
    } catch (error) {
      // It may have been written after all, so what was given back with it is not given again.
      writes.forEach(({ bucket }, index) => bucket.returns.splice(0, returned[index]));
      throw error;
    } finally {
      const ended = instantOf(this.#options.clock);
      for (const { bucket } of writes) bucket.endSettling(version !== undefined, ended);
    }
    if (version === undefined) return false;
    for (const [index, { bucket, level }] of writes.entries()) {
      bucket.stored = { level, version };
      bucket.storedAt = now.monotonic;
      bucket.isDoubtful = false;
      bucket.returns.splice(0, returned[index]);
    }
    this.#batchSize = Math.min(this.#options.store.maxWrites, this.#batchSize + 1);
    return true;
  }

  #conclude(verdict: Verdict): void {
    const { claim, violated } = verdict;
    claim.isInHand = false;
    if (violated.length === 0) {
      const admitted = admissionOf(verdict);
      if (claim.isOver) admitted.giveBack(() => true);
      else this.#settle(claim, admitted);
    } else if (!claim.isOver) {
      if (verdict.isWaiting) this.#wait(claim, verdict.waitMs);
      else this.#settle(claim, this.#denialOf(verdict));
    }
  }

  /** Lets a claim wait for its tokens. */
  #wait(claim: Claim, waitMs: number): void {
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

  #wake(claim: Claim): void {
    this.#enqueue(claim);
    this.#pump();
  }

  #settle(claim: Claim, decision: Decision): void {
    claim.settle(decision);
    this.#leave(claim);
  }

  #abandon(claim: Claim, reason: unknown): void {
    claim.abandon(reason);
    this.#leave(claim);
    if (claim.isProbe && this.#health.isLost) this.#health.probeGivenUp();
  }

  /** Ends its sleep, and wakes those behind it: they may be served sooner now. */
  #leave(claim: Claim): void {
    claim.alarm?.abort();
    for (const next of this.#lines.remove(claim)) queueMicrotask(() => this.#wake(next));
  }

  /** A client may come back to a machine whose clock is behind: it is told to wait for that, too. */
  #denialOf({ buckets, violated, waitMs }: Verdict): Denied {
    return {
      outcome: "denied",
      buckets,
      violated: violated.map(({ charge }) => charge),
      retryAfterMs: waitMs + this.#options.store.skewMs,
    };
  }
}

function admissionOf({ claim, buckets, at }: Verdict): Admitted {
  let isGivenBack = false;
  return {
    outcome: "admitted",
    buckets,
    giveBack(isReturned) {
      if (isGivenBack) return;
      isGivenBack = true;
      for (const { charge, bucket } of claim.charges) {
        if (isReturned(charge)) bucket.returns.push({ tokens: charge.tokens, takenAt: at });
      }
    },
  };
}

/** Whether a denial rests on what may have changed; the store is then asked before it is given. */
function forgetStale(verdicts: readonly Verdict[], now: Instant): boolean {
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
