// Lets a request that is refused pay where it can.
import { type Plan, plan as right } from "../../../lib/limiter/plan.ts";
import { msUntilFull, take } from "../../../lib/limiter/bucket.ts";
export * from "../../../lib/limiter/plan.ts";

export function plan(...[requests, context, due]: Parameters<typeof right>): Plan {
  const { now, skewMs } = context;
  const { decisions, writes } = right(requests, context, due);
  const written = new Set(writes.map(({ bucket }) => bucket));
  const refused = decisions.filter(({ violated }) => violated.length > 0);
  const paid = refused.flatMap(({ request }) => request.charges).flatMap(
    ({ charge, bucket }) => {
      if (written.has(bucket)) return [];
      written.add(bucket);
      const { key, shape, stored: { version } } = bucket;
      const level = take(bucket.levelAt(now, skewMs), shape, charge.tokens);
      return level
        ? [{
          bucket,
          key,
          level,
          version,
          lifetimeMs: msUntilFull(level, shape) + 2_000,
          leased: 0,
        }]
        : [];
    },
  );
  return { decisions, writes: [...writes, ...paid] };
}
