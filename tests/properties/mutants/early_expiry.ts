// Lets a record go before its bucket is full again.
import {
  type BucketLevel,
  type BucketShape,
  msUntilFull as right,
} from "../../../lib/limiter/bucket.ts";
export * from "../../../lib/limiter/bucket.ts";

export function msUntilFull(level: BucketLevel, shape: BucketShape): number {
  return right(level, shape) / 4 - 1_000;
}
