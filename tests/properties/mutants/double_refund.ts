// Gives a token back twice.
import {
  type BucketLevel,
  type BucketShape,
  refund as right,
} from "../../../lib/limiter/bucket.ts";
export * from "../../../lib/limiter/bucket.ts";

export function refund(
  level: BucketLevel,
  shape: BucketShape,
  tokens: number,
  ageMs: number,
): BucketLevel {
  return right(right(level, shape, tokens, ageMs), shape, tokens, ageMs);
}
