// Fills by a rate in tokens a second: a number that is no whole one.
import {
  type BucketLevel,
  type BucketShape,
  refill as right,
} from "../../../lib/limiter/bucket.ts";
export * from "../../../lib/limiter/bucket.ts";

export function refill(
  level: BucketLevel,
  shape: BucketShape,
  now: number,
  skewMs: number,
): BucketLevel {
  if (now <= level.at) return right(level, shape, now, skewMs);
  const tokens = level.units / shape.perToken;
  const perSecond = Number((shape.perMs / shape.perToken * 1_000).toFixed(2));
  const filled = tokens + (now - level.at) / 1_000 * perSecond;
  return { units: Math.min(shape.capacity, filled * shape.perToken), at: now };
}
