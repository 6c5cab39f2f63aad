// Lets a request that is refused pay where it can.
import { type Plan, plan as right } from "../../../lib/limiter/plan.ts";
import { msUntilFull, take } from "../../../lib/limiter/bucket.ts";

export function plan(...[claims, lines, now, skewMs]: Parameters<typeof right>): Plan {
  const { verdicts, writes } = right(claims, lines, now, skewMs);
  const written = new Set(writes.map(({ bucket }) => bucket));
  const refused = verdicts.filter(({ violated }) => violated.length > 0);
  const paid = refused.flatMap(({ claim }) => claim.charges).flatMap(({ charge, bucket }) => {
    if (written.has(bucket)) return [];
    written.add(bucket);
    const { key, shape, stored: { version } } = bucket;
    const level = take(bucket.levelAt(now, skewMs), shape, charge.tokens);
    return level
      ? [{ bucket, key, level, version, keepMs: msUntilFull(level, shape) + 2_000 }]
      : [];
  });
  return { verdicts, writes: [...writes, ...paid] };
}
