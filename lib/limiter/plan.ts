import { type BucketLevel, msUntil, recordLifetimeMs, take } from "./bucket.ts";
import type { PendingCharge, PendingRequest } from "./pending_request.ts";
import type { Instant } from "./instant.ts";
import { grantLease, type LeaseNeeds, leaseTokens } from "./leases/lease.ts";
import type { ChargedBucket } from "./limit.ts";
import type { WaitQueues } from "./wait_queue.ts";
import type { BucketWrite } from "./stores/bucket_store.ts";
import type { TrackedBucket } from "./tracked_bucket.ts";

/** The decision about a request, once the plan is written. */
export interface PlannedDecision {
  readonly request: PendingRequest;
  readonly buckets: readonly ChargedBucket[];
  /** The charges that exceed their buckets; none for a grant. */
  readonly violated: readonly PendingCharge[];
  /** The charges that leases cover; the rest is taken in the store. */
  readonly leased: readonly PendingCharge[];
  /** How long until all charges could be taken (ms). */
  readonly waitMs: number;
  /** Whether it waits that long instead of being denied. */
  readonly isWaiting: boolean;
  /** When it was planned, before the write. */
  readonly at: Instant;
}

/** A write of a bucket. */
export interface PlannedWrite extends BucketWrite {
  readonly bucket: TrackedBucket;
  /** Tokens leased with it; 0 for none. */
  readonly leased: number;
}

/** Decisions about requests, and the writes that make them hold. */
export interface Plan {
  readonly decisions: readonly PlannedDecision[];
  readonly writes: readonly PlannedWrite[];
}

/** What is known when a plan is made. */
export interface PlanContext {
  readonly waitQueues: WaitQueues;
  readonly now: Instant;
  /** How much the clocks of machines may differ (ms). */
  readonly skewMs: number;
  /** The latency of the store (ms). */
  readonly latencyMs: number;
  /** Whether tokens of a bucket may be leased. */
  readonly mayLease: (bucket: TrackedBucket) => boolean;
}

/** A record that expires too early counts as full: it lives a little longer than it must (ms). */
const KEEP_MARGIN_MS = 1_000;

/**
 * Decides requests in the given order, each wholly or not at all. Pure: changes nothing.
 * @param renewals buckets to write even if no request changes them: for leases and refunds
 */
export function plan(
  requests: readonly PendingRequest[],
  context: PlanContext,
  renewals: Iterable<TrackedBucket> = [],
): Plan {
  const planner = new Planner(context);
  const decisions = requests.map((request) => planner.decide(request));
  return { decisions, writes: planner.writes(renewals) };
}

/** The demand that a lease of a bucket should cover. */
export function leaseNeedsOf(bucket: TrackedBucket, { now, latencyMs }: PlanContext): LeaseNeeds {
  return {
    termMs: bucket.leases.termMs,
    recentTokens: bucket.demand.tokens(now.monotonic),
    demandPerMs: bucket.demand.perMs(now.monotonic),
    isSteady: bucket.demand.isSteady(now.monotonic),
    latencyMs,
    isContended: bucket.isContended(now),
  };
}

class Planner {
  readonly #context: PlanContext;
  readonly #levels = new Map<TrackedBucket, BucketLevel>();
  /** Leased tokens that are left. */
  readonly #leased = new Map<TrackedBucket, number>();
  readonly #changed = new Set<TrackedBucket>();
  /** Buckets that had too few tokens for a request. */
  readonly #short = new Set<TrackedBucket>();
  readonly #admitted = new Set<PendingRequest>();
  /** Requests that begin to wait with this plan. */
  readonly #waiting = new Set<PendingRequest>();

  constructor(context: PlanContext) {
    this.#context = context;
  }

  decide(request: PendingRequest): PlannedDecision {
    const { now, skewMs } = this.#context;
    const taken = new Map<TrackedBucket, BucketLevel>();
    const spent = new Map<TrackedBucket, number>();
    const leased: PendingCharge[] = [];
    const violated: PendingCharge[] = [];
    let waitMs = 0;
    for (const pending of request.charges) {
      const { charge: { tokens }, bucket } = pending;
      const wanted = tokens + this.#tokensAhead(request, bucket);
      const available = spent.get(bucket) ?? this.#leasedOf(bucket);
      if (available >= wanted) {
        spent.set(bucket, available - tokens);
        leased.push(pending);
        continue;
      }
      const level = taken.get(bucket) ?? this.#levelOf(bucket);
      const rest = take(level, bucket.shape, wanted) && take(level, bucket.shape, tokens);
      if (rest) {
        taken.set(bucket, rest);
        continue;
      }
      violated.push(pending);
      this.#short.add(bucket);
      const isAhead = Math.max(0, level.at - now.wall);
      waitMs = Math.max(waitMs, isAhead + msUntil(level, bucket.shape, wanted));
    }
    const isGranted = violated.length === 0;
    if (isGranted) {
      this.#admitted.add(request);
      for (const [bucket, level] of taken) {
        this.#levels.set(bucket, level);
        this.#changed.add(bucket);
      }
      for (const [bucket, tokens] of spent) this.#leased.set(bucket, tokens);
    }
    // Written even for a denial: while its time is in the future, the bucket does not refill.
    for (const { bucket } of request.charges) {
      if (bucket.isAhead(now, skewMs)) this.#changed.add(bucket);
    }
    const isWaiting = !isGranted && this.#mayWait(request, violated, waitMs);
    if (isWaiting) this.#waiting.add(request);
    const buckets = request.charges.map(({ charge, bucket }) => ({
      charge,
      level: this.#knownOf(bucket),
    }));
    return { request, buckets, violated, leased, waitMs, isWaiting, at: now };
  }

  writes(renewals: Iterable<TrackedBucket>): PlannedWrite[] {
    const { now, skewMs } = this.#context;
    return [...new Set([...this.#changed, ...renewals])].flatMap((bucket) => {
      const { level, leased } = this.#withLease(bucket, this.#levelOf(bucket));
      const isNeeded = this.#changed.has(bucket) || leased > 0 || bucket.refunds.length > 0;
      if (!isNeeded) return [];
      const lifetimeMs = recordLifetimeMs(level, bucket.shape, now.wall) + 2 * skewMs +
        KEEP_MARGIN_MS;
      return { bucket, key: bucket.key, level, version: bucket.stored.version, lifetimeMs, leased };
    });
  }

  /** Leases tokens for the bucket's next requests, when its leases run low. */
  #withLease(bucket: TrackedBucket, level: BucketLevel): { level: BucketLevel; leased: number } {
    const { now, skewMs, waitQueues, mayLease } = this.#context;
    const { leases, shape } = bucket;
    const isShort = this.#short.has(bucket) || waitQueues.of(bucket).length > 0;
    const needs = leaseNeedsOf(bucket, this.#context);
    const { termMs } = needs;
    const isIdle = bucket.pendingRequests === 0 && leases.isIdle(now);
    const isSealed = (level.sealedUntil ?? -Infinity) > now.wall;
    const isUnfit = isIdle || isShort || isSealed || bucket.isAhead(now, skewMs);
    if (!mayLease(bucket) || termMs === 0 || isUnfit) return { level, leased: 0 };
    // The rule that queued the renewal, again: demand has changed a little since.
    const tokens = this.#leasedOf(bucket);
    const isDue = tokens === 0 || leases.isLow(now, tokens);
    const leased = isDue ? leaseTokens(level, shape, needs) : 0;
    const rest = leased === 0 ? undefined : grantLease(level, shape, leased, termMs, now.wall);
    return rest ? { level: rest, leased } : { level, leased: 0 };
  }

  #leasedOf(bucket: TrackedBucket): number {
    return this.#leased.get(bucket) ?? bucket.leases.available(this.#context.now);
  }

  #knownOf(bucket: TrackedBucket): BucketLevel {
    const level = this.#levelOf(bucket);
    const { capacity, perToken } = bucket.shape;
    const units = level.units + this.#leasedOf(bucket) * perToken;
    return { ...level, units: Math.min(capacity, units) };
  }

  #levelOf(bucket: TrackedBucket): BucketLevel {
    const { now, skewMs } = this.#context;
    return this.#levels.get(bucket) ?? bucket.levelAt(now, skewMs);
  }

  /** The tokens of earlier waiting requests: a small request does not overtake a large one. */
  #tokensAhead(request: PendingRequest, bucket: TrackedBucket): number {
    let tokens = 0;
    for (const other of new Set([...this.#context.waitQueues.of(bucket), ...this.#waiting])) {
      if (other.order >= request.order || other.isDone || this.#admitted.has(other)) continue;
      for (const { charge, bucket: of } of other.charges) {
        if (of === bucket) tokens += charge.tokens;
      }
    }
    return tokens;
  }

  /** Whether the tokens refill in time, and the wait queues have room. */
  #mayWait(request: PendingRequest, violated: readonly PendingCharge[], waitMs: number): boolean {
    const { now, waitQueues } = this.#context;
    const grantedAt = now.monotonic + waitMs;
    if (grantedAt > request.deadline) return false;
    return violated.every(({ charge: { limit }, bucket }) => {
      if (grantedAt > request.arrivedAt + limit.waitMs) return false;
      const queue = waitQueues.of(bucket);
      if (queue.includes(request)) return true;
      const joining = [...this.#waiting].filter((other) =>
        !queue.includes(other) && other.charges.some(({ bucket: of }) => of === bucket)
      );
      return queue.length + joining.length < limit.queue;
    });
  }
}
