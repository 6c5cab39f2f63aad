import { type BucketLevel, msUntil, msUntilFull, take } from "./bucket.ts";
import type { Claim, ClaimedCharge } from "./claim.ts";
import type { ChargedBucket } from "./limit.ts";
import type { Lines } from "./lines.ts";
import type { BucketWrite } from "./store.ts";
import type { Instant, TrackedBucket } from "./tracked_bucket.ts";

/** What would be decided about a claim. */
export interface Verdict {
  readonly claim: Claim;
  readonly buckets: readonly ChargedBucket[];
  /** What was too much; none means that the claim is admitted. */
  readonly violated: readonly ClaimedCharge[];
  /** How long until all would be there (ms). */
  readonly waitMs: number;
  /** Whether it waits that long instead of being refused. */
  readonly isWaiting: boolean;
  /** When it was decided; before it was written. */
  readonly at: Instant;
}

/** The decisions about some claims, and what must be written for them to hold. */
export interface Plan {
  readonly verdicts: readonly Verdict[];
  readonly writes: readonly (BucketWrite & { readonly bucket: TrackedBucket })[];
}

/** A record that is gone too early counts as full: it is kept a little longer than it needs. */
const KEEP_MARGIN_MS = 1_000;

/**
 * Decides claims in the order given, each wholly or not at all. Pure: nothing is changed.
 * @param skewMs how much the clocks of machines may differ
 */
export function plan(claims: readonly Claim[], lines: Lines, now: Instant, skewMs: number): Plan {
  const planner = new Planner(lines, now, skewMs);
  const verdicts = claims.map((claim) => planner.decide(claim));
  return { verdicts, writes: planner.writes() };
}

class Planner {
  readonly #lines: Lines;
  readonly #now: Instant;
  readonly #skewMs: number;
  readonly #levels = new Map<TrackedBucket, BucketLevel>();
  readonly #changed = new Set<TrackedBucket>();
  readonly #admitted = new Set<Claim>();
  /** Those who begin to wait with this plan. */
  readonly #waiting = new Set<Claim>();

  constructor(lines: Lines, now: Instant, skewMs: number) {
    this.#lines = lines;
    this.#now = now;
    this.#skewMs = skewMs;
  }

  decide(claim: Claim): Verdict {
    const taken = new Map<TrackedBucket, BucketLevel>();
    const violated: ClaimedCharge[] = [];
    let waitMs = 0;
    for (const claimed of claim.charges) {
      const { charge: { tokens }, bucket } = claimed;
      const level = taken.get(bucket) ?? this.#levelOf(bucket);
      const wanted = tokens + this.#tokensAhead(claim, bucket);
      const rest = take(level, bucket.shape, wanted) && take(level, bucket.shape, tokens);
      if (rest) {
        taken.set(bucket, rest);
        continue;
      }
      violated.push(claimed);
      const isAhead = Math.max(0, level.at - this.#now.wall);
      waitMs = Math.max(waitMs, isAhead + msUntil(level, bucket.shape, wanted));
    }
    const isAdmitted = violated.length === 0;
    if (isAdmitted) {
      this.#admitted.add(claim);
      for (const [bucket, level] of taken) {
        this.#levels.set(bucket, level);
        this.#changed.add(bucket);
      }
    }
    // Written even for a denial: as long as it stands in the future, nothing comes in.
    for (const { bucket } of claim.charges) {
      if (bucket.isAhead(this.#now, this.#skewMs)) this.#changed.add(bucket);
    }
    const isWaiting = !isAdmitted && this.#mayWait(claim, violated, waitMs);
    if (isWaiting) this.#waiting.add(claim);
    const buckets = claim.charges.map(({ charge, bucket }) => ({
      charge,
      level: this.#levelOf(bucket),
    }));
    return { claim, buckets, violated, waitMs, isWaiting, at: this.#now };
  }

  writes(): Plan["writes"] {
    return [...this.#changed].map((bucket) => {
      const level = this.#levelOf(bucket);
      const keepMs = msUntilFull(level, bucket.shape) + 2 * this.#skewMs + KEEP_MARGIN_MS;
      return { bucket, key: bucket.key, level, version: bucket.stored.version, keepMs };
    });
  }

  #levelOf(bucket: TrackedBucket): BucketLevel {
    return this.#levels.get(bucket) ?? bucket.levelAt(this.#now, this.#skewMs);
  }

  /** What those who wait already will take first: a small claim passes no large one. */
  #tokensAhead(claim: Claim, bucket: TrackedBucket): number {
    let tokens = 0;
    for (const other of new Set([...this.#lines.of(bucket), ...this.#waiting])) {
      if (other.order >= claim.order || other.isOver || this.#admitted.has(other)) continue;
      for (const { charge, bucket: of } of other.charges) {
        if (of === bucket) tokens += charge.tokens;
      }
    }
    return tokens;
  }

  /** Whether the tokens come in time, and there is room to wait for them. */
  #mayWait(claim: Claim, violated: readonly ClaimedCharge[], waitMs: number): boolean {
    const due = this.#now.monotonic + waitMs;
    if (due > claim.deadline) return false;
    return violated.every(({ charge: { limit }, bucket }) => {
      if (due > claim.since + limit.waitMs) return false;
      const line = this.#lines.of(bucket);
      if (line.includes(claim)) return true;
      const joining = [...this.#waiting].filter((other) =>
        !line.includes(other) && other.charges.some(({ bucket: of }) => of === bucket)
      );
      return line.length + joining.length < limit.queue;
    });
  }
}
