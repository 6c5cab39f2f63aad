/**
 * The arithmetic of a token bucket, in integers and without rounding anywhere.
 *
 * A rate is a fraction: so many tokens in so many milliseconds. Counted in units of one token
 * divided by the (reduced) milliseconds, what comes in within a millisecond is a whole number, and so
 * is a token; every level is then an exact integer below 2^53.
 */

/** A year and a day: a record must live as long as its bucket takes to fill. */
const LONGEST_FILL_MS = 367 * 86_400_000;

/** A rate and a burst, as the arithmetic takes them. */
export interface BucketShape {
  /** Units that come in within a millisecond. */
  readonly perMs: number;
  /** Units that a token is. */
  readonly perToken: number;
  /** Units that the bucket holds: its burst. */
  readonly capacity: number;
}

/** What is known of a bucket: so many units at that moment. */
export interface BucketLevel {
  /** From 0 to the capacity. */
  readonly units: number;
  /** Wall time (ms since 1970). */
  readonly at: number;
  /** When a lease was granted of it last (wall ms); undefined for never. */
  readonly leasedAt?: number;
  /**
   * When the operator filled it last (wall ms); undefined for never. It names the promise that holds:
   * what was taken under another one never comes back.
   */
  readonly resetAt?: number;
  /** Until when nothing is leased of it: it is about to be filled (wall ms). */
  readonly sealedUntil?: number;
}

/**
 * A bucket's shape.
 * @param tokens how many come in within `periodMs`, at least 1
 * @param burst how many it holds, at least 1
 * @throws {RangeError} when it takes longer than a year to fill
 */
export function bucketShape(tokens: number, periodMs: number, burst: number): BucketShape {
  const divisor = greatestCommonDivisor(tokens, periodMs);
  const perMs = tokens / divisor;
  const perToken = periodMs / divisor;
  const capacity = burst * perToken;
  if (!Number.isSafeInteger(capacity) || capacity / perMs > LONGEST_FILL_MS) {
    throw new RangeError(`a burst of ${burst} takes too long to fill at this rate`);
  }
  return { perMs, perToken, capacity };
}

/** A bucket that nobody has taken from. */
export function fullBucket({ capacity }: BucketShape, now: number): BucketLevel {
  return { units: capacity, at: now };
}

/**
 * The level now. A moment in the past never rewinds; one in the future, beyond what clocks may
 * differ, is pulled back: a clock that was stepped mints nothing and locks nobody out.
 * @param skewMs how much the clocks of machines may differ; 0 on one machine
 */
export function refill(
  level: BucketLevel,
  { perMs, capacity }: BucketShape,
  now: number,
  skewMs: number,
): BucketLevel {
  const { units, at } = level;
  if (at >= now) {
    return { ...level, units: Math.min(units, capacity), at: Math.min(at, now + skewMs) };
  }
  const missing = capacity - units;
  const elapsed = now - at;
  // Compared before it is multiplied: a long time times a high rate would leave the integers.
  if (elapsed >= Math.ceil(missing / perMs)) {
    return { ...level, units: capacity, at: now };
  }
  return { ...level, units: units + elapsed * perMs, at: now };
}

/** The level after taking so many tokens; undefined when they are not there. */
export function take(
  level: BucketLevel,
  { perToken }: BucketShape,
  tokens: number,
): BucketLevel | undefined {
  const rest = level.units - tokens * perToken;
  return rest < 0 ? undefined : { ...level, units: rest };
}

/**
 * The level after tokens come back that were taken `ageMs` ago. What would have come in since is
 * kept: a full return of an old token would let out more than the rate allows.
 */
export function refund(
  level: BucketLevel,
  { perMs, perToken, capacity }: BucketShape,
  tokens: number,
  ageMs: number,
): BucketLevel {
  const worth = tokens * perToken;
  const faded = ageMs >= Math.ceil(worth / perMs) ? worth : Math.max(0, ageMs) * perMs;
  return { ...level, units: Math.min(capacity, level.units + worth - faded) };
}

/** How long until so many tokens are there (whole ms, 0 when they are), if nobody else takes any. */
export function msUntil({ units }: BucketLevel, shape: BucketShape, tokens: number): number {
  return Math.max(0, Math.ceil((tokens * shape.perToken - units) / shape.perMs));
}

/** How long until the bucket is full (whole ms). */
export function msUntilFull({ units }: BucketLevel, { capacity, perMs }: BucketShape): number {
  return Math.ceil((capacity - units) / perMs);
}

/**
 * How long the record of a bucket must live (ms): until it is full and, after a reset, until nothing
 * that was taken before is worth anything any more.
 */
export function recordLifetimeMs(level: BucketLevel, shape: BucketShape, now: number): number {
  const { resetAt = -Infinity } = level;
  const fillMs = Math.ceil(shape.capacity / shape.perMs);
  return Math.max(msUntilFull(level, shape), resetAt + fillMs - now);
}

/** How many whole tokens there are. */
export function wholeTokens({ units }: BucketLevel, { perToken }: BucketShape): number {
  return Math.floor(units / perToken);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
