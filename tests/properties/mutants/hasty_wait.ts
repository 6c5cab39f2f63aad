// Says that tokens are there a moment before they are.
import type { BucketLevel, BucketShape } from "../../../lib/limiter/bucket.ts";
export * from "../../../lib/limiter/bucket.ts";

export function msUntil({ units }: BucketLevel, shape: BucketShape, tokens: number): number {
  return Math.max(0, Math.floor((tokens * shape.perToken - units) / shape.perMs));
}
