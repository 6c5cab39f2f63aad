// Takes a clock that is behind at its word, so that the time between is filled twice.
import {
  type BucketLevel,
  type BucketShape,
  refill as right,
} from "../../../lib/limiter/bucket.ts";
export * from "../../../lib/limiter/bucket.ts";

export function refill(level: BucketLevel, shape: BucketShape, now: number): BucketLevel {
  return right(level, shape, now, 0);
}
