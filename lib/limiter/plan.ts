import { type BucketLevel, msUntil, recordLifetimeMs, take } from "./bucket.ts";
import type { PendingCharge, PendingRequest } from "./pending_request.ts";
import type { Instant } from "./instant.ts";
import { grantLease, type LeaseNeeds, leaseTokens } from "./leases/lease.ts";
import type { ChargedBucket } from "./limit.ts";
import type { WaitQueues } from "./wait_queue.ts";
import type { BucketWrite } from "./stores/bucket_store.ts";
import type { TrackedBucket } from "./tracked_bucket.ts";

/** What would be decided about a request. */
export interface PlannedDecision {
  readonly request: PendingRequest;
  readonly buckets: readonly ChargedBucket[];
  /** What was too much; none means that the request is admitted. */
  readonly violated: readonly PendingCharge[];
  /** What is spent of leases; the rest is taken in the store. */
  readonly leased: readonly PendingCharge[];
  /** How long until all would be there (ms). */
  readonly waitMs: number;
  /** Whether it waits that long instead of being refused. */
  readonly isWaiting: boolean;
  /** When it was decided; before it was written. */
  readonly at: Instant;
}

/** What must be written of a bucket. */
export interface PlannedWrite extends BucketWrite {
  readonly bucket: TrackedBucket;
  /** Tokens that are leased with it; 0 for none. */
  readonly leased: number;
}

/** The decisions about some requests, and what must be written for them to hold. */
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
  /** How long the store takes (ms). */
  readonly latencyMs: number;
  /** Whether tokens of a bucket may be leased. */
  readonly mayLease: (bucket: TrackedBucket) => boolean;
}

/** A record that is gone too early counts as full: it is kept a little longer than it needs. */
const KEEP_MARGIN_MS = 1_000;

/**
 * Decides requests in the order given, each wholly or not at all. Pure: nothing is changed.
 * @param due buckets to write even if no request changes them: for a lease, or for what comes back
 */
export function plan(
  requests: readonly PendingRequest[],
  context: PlanContext,
  due: Iterable<TrackedBucket> = [],
): Plan {
  const planner = new Planner(context);
  const decisions = requests.map((request) => planner.decide(request));
  return { decisions, writes: planner.writes(due) };
}

/** What a lease of that bucket should last for. */
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
  /** Tokens that are left of leases. */
  readonly #leased = new Map<TrackedBucket, number>();
  readonly #changed = new Set<TrackedBucket>();
  /** Buckets that had too little for someone. */
  readonly #short = new Set<TrackedBucket>();
  readonly #admitted = new Set<PendingRequest>();
  /** Those who begin to wait with this plan. */
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
      const inHand = spent.get(bucket) ?? this.#leasedOf(bucket);
      if (inHand >= wanted) {
        spent.set(bucket, inHand - tokens);
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
    const isAdmitted = violated.length === 0;
    if (isAdmitted) {
      this.#admitted.add(request);
      for (const [bucket, level] of taken) {
        this.#levels.set(bucket, level);
        this.#changed.add(bucket);
      }
      for (const [bucket, tokens] of spent) this.#leased.set(bucket, tokens);
    }
    // Written even for a denial: as long as it stands in the future, nothing comes in.
    for (const { bucket } of request.charges) {
      if (bucket.isAhead(now, skewMs)) this.#changed.add(bucket);
    }
    const isWaiting = !isAdmitted && this.#mayWait(request, violated, waitMs);
    if (isWaiting) this.#waiting.add(request);
    const buckets = request.charges.map(({ charge, bucket }) => ({
      charge,
      level: this.#knownOf(bucket),
    }));
    return { request, buckets, violated, leased, waitMs, isWaiting, at: now };
  }

  writes(due: Iterable<TrackedBucket>): PlannedWrite[] {
    const { now, skewMs } = this.#context;
    return [...new Set([...this.#changed, ...due])].flatMap((bucket) => {
      const { level, leased } = this.#withLease(bucket, this.#levelOf(bucket));
      const isNeeded = this.#changed.has(bucket) || leased > 0 || bucket.refunds.length > 0;
      if (!isNeeded) return [];
      const lifetimeMs = recordLifetimeMs(level, bucket.shape, now.wall) + 2 * skewMs +
        KEEP_MARGIN_MS;
      return { bucket, key: bucket.key, level, version: bucket.stored.version, lifetimeMs, leased };
    });
  }

  /** Leases what the bucket's requests will want next, when what was leased runs out. */
  #withLease(bucket: TrackedBucket, level: BucketLevel): { level: BucketLevel; leased: number } {
    const { now, skewMs, waitQueues: lines, mayLease } = this.#context;
    const { leases, shape } = bucket;
    const isShort = this.#short.has(bucket) || lines.of(bucket).length > 0;
    const needs = leaseNeedsOf(bucket, this.#context);
    const { termMs } = needs;
    const isIdle = bucket.pendingRequests === 0 && leases.isIdle(now);
    const isSealed = (level.sealedUntil ?? -Infinity) > now.wall;
    const isUnfit = isIdle || isShort || isSealed || bucket.isAhead(now, skewMs);
    if (!mayLease(bucket) || termMs === 0 || isUnfit) return { level, leased: 0 };
    // The same rule by which a renewal is asked for: demand has changed a little since.
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

  /** What those who wait already will take first: a small request passes no large one. */
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

  /** Whether the tokens come in time, and there is room to wait for them. */
  #mayWait(request: PendingRequest, violated: readonly PendingCharge[], waitMs: number): boolean {
    const { now, waitQueues: lines } = this.#context;
    const due = now.monotonic + waitMs;
    if (due > request.deadline) return false;
    return violated.every(({ charge: { limit }, bucket }) => {
      if (due > request.arrivedAt + limit.waitMs) return false;
      const line = lines.of(bucket);
      if (line.includes(request)) return true;
      const joining = [...this.#waiting].filter((other) =>
        !line.includes(other) && other.charges.some(({ bucket: of }) => of === bucket)
      );
      return line.length + joining.length < limit.queue;
    });
  }
}
