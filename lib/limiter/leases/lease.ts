import { type BucketLevel, type BucketShape, refund, take, wholeTokens } from "../bucket.ts";

/**
 * Leases: several tokens are taken in one transaction, and spent without the store.
 *
 * Bucket and unexpired leases together never hold more than the burst, at any moment. So whatever
 * leases are spent at once, no window lets out more than the bucket alone would have:
 * 1. a lease is void after its term, by either clock, counted from before its transaction was sent;
 * 2. a transaction that grants one first lowers the bucket by what comes in during a term;
 * 3. what comes back is worth less by what has come in since it was taken.
 */

/** A bucket that holds fewer tokens is asked each time: leases would take most of what it has. */
const SMALLEST_BURST = 100;
/** No lease is smaller: who asks once would get one, and have it taken back (tokens). */
const SMALLEST_LEASE = 2;
/** The longest that a lease may be spent (ms): a reset is felt after it. */
const LONGEST_TERM_MS = 1_000;
/** A shorter one would end before it pays (ms). */
const SHORTEST_TERM_MS = 25;
/** A bucket gives up this part of its burst, at most, to what comes in during a term. */
const TERMS_TO_FILL = 4;
/** Besides two calls of the store, what is kept in hand when a lease is renewed (ms). */
const MARGIN_MS = 5;
/** A lease takes this part of what is there, at most: as much again where others take some, too. */
const SHARE = 1 / 2;
const CONTENDED_SHARE = 1 / 4;

/** Who has asked for fewer tokens may be gone again. */
const FEWEST_ASKED = 16;
/** A burst is no longer than so many times what has come of it. */
const LONGEST_BURST = 100;

/** How long a lease of such a bucket may be spent (ms); 0 where leases do not pay. */
export function leaseTermMs({ capacity, perMs, perToken }: BucketShape): number {
  if (capacity / perToken < SMALLEST_BURST) return 0;
  const termMs = Math.floor(Math.min(LONGEST_TERM_MS, capacity / perMs / TERMS_TO_FILL));
  return termMs < SHORTEST_TERM_MS ? 0 : termMs;
}

/** What a lease should last for. */
export interface LeaseNeeds {
  readonly termMs: number;
  /** Tokens that were asked for lately. */
  readonly recentTokens: number;
  /** Tokens that are asked for in a millisecond. */
  readonly demandPerMs: number;
  /** Whether they have been asked for for a while, and will be. */
  readonly isSteady: boolean;
  /** How long the store takes (ms). */
  readonly latencyMs: number;
  /** Whether other processes take from the bucket, too. */
  readonly isContended: boolean;
}

/** How long before the last token, or the end of the term, a lease is renewed (ms). */
export function renewalMs({ termMs, latencyMs }: LeaseNeeds): number {
  return Math.min(termMs / 2, 2 * latencyMs + MARGIN_MS);
}

/**
 * How many tokens to lease of a bucket at that level: what is asked for in a term, as far as it is
 * there; 0 when that is too few to pay. A burst has the whole bucket: lowering takes something from
 * those alone who ask for no more than comes in, and either steadily or of a bucket so large that
 * they will not miss it.
 */
export function leaseTokens(level: BucketLevel, shape: BucketShape, needs: LeaseNeeds): number {
  const { termMs, recentTokens: asked, demandPerMs, isSteady, isContended } = needs;
  const rest = lowered(level, shape, termMs);
  const there = wholeTokens(rest, shape);
  const isMissed = !isSteady && (asked < FEWEST_ASKED || asked * LONGEST_BURST > there);
  const isBurst = isMissed || demandPerMs * shape.perToken > shape.perMs;
  if (isBurst && rest.units < level.units) return 0;
  const wanted = Math.ceil(demandPerMs * termMs);
  const most = Math.floor(there * (isContended ? CONTENDED_SHARE : SHARE));
  const tokens = Math.min(wanted, most);
  return tokens < SMALLEST_LEASE ? 0 : tokens;
}

/** The level after a lease was granted; undefined when the tokens are not there. */
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

/** Whether tokens of that age are still worth something. */
export function isWorthReturning(shape: BucketShape, tokens: number, ageMs: number): boolean {
  return refund({ units: 0, at: 0 }, shape, tokens, ageMs).units > 0;
}

/** What comes in during a term finds room, so that it cannot add to what is leased. */
function lowered(
  level: BucketLevel,
  { capacity, perMs }: BucketShape,
  termMs: number,
): BucketLevel {
  return { ...level, units: Math.min(level.units, capacity - perMs * termMs) };
}
