/**
 * The arithmetic of a token bucket, in integers and without rounding anywhere.
 *
 * A rate is a fraction: tokens over milliseconds. With a unit of one token divided by the (reduced)
 * milliseconds, both the refill of a millisecond and a token are whole numbers of units, so that every
 * level is an exact integer below 2^53.
 */

/** A year and a day: a record must live as long as its bucket takes to fill. */
const LONGEST_FILL_MS = 367 * 86_400_000;

/** A rate and a burst in units. */
export interface BucketShape {
  /** Units that refill the bucket per millisecond. */
  readonly perMs: number;
  /** Units per token. */
  readonly perToken: number;
  /** Units that the bucket holds: the burst. */
  readonly capacity: number;
}

/** The level of a bucket at a moment. */
export interface BucketLevel {
  /** From 0 to the capacity. */
  readonly units: number;
  /** Wall time (ms since 1970). */
  readonly at: number;
  /** When a lease was last granted (wall ms); undefined for never. */
  readonly leasedAt?: number;
  /**
   * When the operator last reset it (wall ms); undefined for never. Tokens taken before a reset are not
   * refunded after it.
   */
  readonly resetAt?: number;
  /** Until when nothing is leased: a reset is under way (wall ms). */
  readonly sealedUntil?: number;
}

/**
 * Converts a rate and a burst to units.
 * @param tokens how many refill the bucket per `periodMs`, at least 1
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

/** A full bucket. */
export function fullBucket({ capacity }: BucketShape, now: number): BucketLevel {
  return { units: capacity, at: now };
}

/**
 * Refills a bucket up to now. A level from the future is pulled back to the clock skew, and `now` never
 * rewinds a level: a stepped clock neither mints tokens nor locks clients out.
 * @param skewMs how much the clocks of machines may differ (ms); 0 on one machine
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
  // Compared before multiplying: a long time at a high rate would exceed 2^53.
  if (elapsed >= Math.ceil(missing / perMs)) {
    return { ...level, units: capacity, at: now };
  }
  return { ...level, units: units + elapsed * perMs, at: now };
}

/** Takes tokens; undefined when there are too few. */
export function take(
  level: BucketLevel,
  { perToken }: BucketShape,
  tokens: number,
): BucketLevel | undefined {
  const rest = level.units - tokens * perToken;
  return rest < 0 ? undefined : { ...level, units: rest };
}

/**
 * Refunds tokens that were taken `ageMs` ago, less what has refilled the bucket since: a full refund of
 * old tokens would admit more than the rate allows.
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

/** How long until the bucket has the tokens, without other requests (whole ms; 0 when it has them). */
export function msUntil({ units }: BucketLevel, shape: BucketShape, tokens: number): number {
  return Math.max(0, Math.ceil((tokens * shape.perToken - units) / shape.perMs));
}

/** How long until the bucket is full (whole ms). */
export function msUntilFull({ units }: BucketLevel, { capacity, perMs }: BucketShape): number {
  return Math.ceil((capacity - units) / perMs);
}

/**
 * How long the record of a bucket must live (ms): until the bucket is full and, after a reset, until no
 * earlier token could be refunded.
 */
export function recordLifetimeMs(level: BucketLevel, shape: BucketShape, now: number): number {
  const { resetAt = -Infinity } = level;
  const fillMs = Math.ceil(shape.capacity / shape.perMs);
  return Math.max(msUntilFull(level, shape), resetAt + fillMs - now);
}

/** The whole tokens in a bucket. */
export function wholeTokens({ units }: BucketLevel, { perToken }: BucketShape): number {
  return Math.floor(units / perToken);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
