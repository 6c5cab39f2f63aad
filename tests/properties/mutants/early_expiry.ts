// Lets a record go before its bucket is full again.
import {
  type BucketLevel,
  type BucketShape,
  recordLifetimeMs as right,
} from "../../../lib/limiter/bucket.ts";
export * from "../../../lib/limiter/bucket.ts";

export function recordLifetimeMs(level: BucketLevel, shape: BucketShape, now: number): number {
  return right(level, shape, now) / 4 - 1_000;
}
