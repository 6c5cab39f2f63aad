// Gives an old token back as if it were a new one.
import {
  type BucketLevel,
  type BucketShape,
  refund as right,
} from "../../../lib/limiter/bucket.ts";
export * from "../../../lib/limiter/bucket.ts";

export function refund(level: BucketLevel, shape: BucketShape, tokens: number): BucketLevel {
  return right(level, shape, tokens, 0);
}
