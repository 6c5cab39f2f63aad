import { type BucketLevel, type BucketShape, refund, take, wholeTokens } from "../bucket.ts";

/**
 * Leases: a transaction takes several tokens at once, to be spent without the store. A busy bucket then
 * costs a write per term, not per request.
 *
 * The bucket and its unexpired leases never hold more than the burst together. So however leases are
 * spent, no window admits more than the bucket alone would:
 * 1. a lease expires after its term, by either clock, counted from before its transaction was sent;
 * 2. a transaction that grants one first lowers the bucket by the refill of a term;
 * 3. returned tokens are reduced by the refill since they were taken.
 */

/** Buckets with a smaller burst have no leases: they would take most of the tokens. */
const SMALLEST_BURST = 100;
/** The smallest lease (tokens): a single request would get one that is never used. */
const SMALLEST_LEASE = 2;
/** The longest term (ms): a reset takes effect after it. */
const LONGEST_TERM_MS = 1_000;
/** The shortest term that pays (ms). */
const SHORTEST_TERM_MS = 25;
/** A term is at most the time to fill the bucket, divided by this. */
const TERMS_TO_FILL = 4;
/** The margin for a renewal besides two calls to the store (ms). */
const MARGIN_MS = 5;
/** The largest share of the level that a lease takes: half of it where other processes take tokens too. */
const SHARE = 1 / 2;
const CONTENDED_SHARE = 1 / 4;

/** Fewer recent tokens than this may be a single visit. */
const MIN_RECENT_TOKENS = 16;
/** A burst is at most this many times what has been requested so far. */
const MAX_BURST_FACTOR = 100;

/** The term of leases of a bucket (ms); 0 where leases do not pay. */
export function leaseTermMs({ capacity, perMs, perToken }: BucketShape): number {
  if (capacity / perToken < SMALLEST_BURST) return 0;
  const termMs = Math.floor(Math.min(LONGEST_TERM_MS, capacity / perMs / TERMS_TO_FILL));
  return termMs < SHORTEST_TERM_MS ? 0 : termMs;
}

/** The demand that a lease should cover. */
export interface LeaseNeeds {
  readonly termMs: number;
  /** Tokens requested in the last second. */
  readonly recentTokens: number;
  /** Tokens requested per millisecond. */
  readonly demandPerMs: number;
  /** Whether demand has lasted longer than a burst. */
  readonly isSteady: boolean;
  /** The latency of the store (ms). */
  readonly latencyMs: number;
  /** Whether other processes take from the bucket, too. */
  readonly isContended: boolean;
}

/** How long before the last token, or the end of the term, a lease is renewed (ms). */
export function renewalMs({ termMs, latencyMs }: LeaseNeeds): number {
  return Math.min(termMs / 2, 2 * latencyMs + MARGIN_MS);
}

/**
 * How many tokens to lease: the demand of a term, as far as the bucket has it; 0 when that does not pay.
 * A burst gets the whole bucket: it is lowered for a lease only when demand is within the rate, and
 * either steady or small beside the bucket.
 */
export function leaseTokens(level: BucketLevel, shape: BucketShape, needs: LeaseNeeds): number {
  const { termMs, recentTokens, demandPerMs, isSteady, isContended } = needs;
  const rest = lowered(level, shape, termMs);
  const there = wholeTokens(rest, shape);
  const isMissed = !isSteady &&
    (recentTokens < MIN_RECENT_TOKENS || recentTokens * MAX_BURST_FACTOR > there);
  const isBurst = isMissed || demandPerMs * shape.perToken > shape.perMs;
  if (isBurst && rest.units < level.units) return 0;
  const wanted = Math.ceil(demandPerMs * termMs);
  const most = Math.floor(there * (isContended ? CONTENDED_SHARE : SHARE));
  const tokens = Math.min(wanted, most);
  return tokens < SMALLEST_LEASE ? 0 : tokens;
}

/** Grants a lease: the level after it; undefined when there are too few tokens. */
export function grantLease(
  level: BucketLevel,
  shape: BucketShape,
  tokens: number,
  termMs: number,
  wall: number,
): BucketLevel | undefined {
  const rest = take(lowered(level, shape, termMs), shape, tokens);
  return rest && { ...rest, leasedAt: Math.max(wall, level.at) };
}

/** Whether tokens of that age would still refund anything. */
export function isWorthReturning(shape: BucketShape, tokens: number, ageMs: number): boolean {
  return refund({ units: 0, at: 0 }, shape, tokens, ageMs).units > 0;
}

/** Lowers a level so that the refill of a term fits in, and cannot add to what is leased. */
function lowered(
  level: BucketLevel,
  { capacity, perMs }: BucketShape,
  termMs: number,
): BucketLevel {
  return { ...level, units: Math.min(level.units, capacity - perMs * termMs) };
}
