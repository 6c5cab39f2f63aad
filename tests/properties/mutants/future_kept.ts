// Leaves a time in the future where it is.
import {
  type BucketLevel,
  type BucketShape,
  refill as right,
} from "../../../lib/limiter/bucket.ts";
export * from "../../../lib/limiter/bucket.ts";

export function refill(level: BucketLevel, shape: BucketShape, now: number): BucketLevel {
  return level.at > now ? level : right(level, shape, now, 0);
}
