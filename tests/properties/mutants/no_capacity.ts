// Fills without end.
import type { BucketLevel, BucketShape } from "../../../lib/limiter/bucket.ts";
export * from "../../../lib/limiter/bucket.ts";

export function refill(
  { units, at }: BucketLevel,
  { perMs }: BucketShape,
  now: number,
  skewMs: number,
): BucketLevel {
  if (at >= now) return { units, at: Math.min(at, now + skewMs) };
  return { units: units + (now - at) * perMs, at: now };
}
