// Decides about each as if nobody waited.
import type { Claim } from "../../../lib/limiter/claim.ts";
import { type Plan, plan as right } from "../../../lib/limiter/plan.ts";

export function plan(...[claims, now, skewMs]: Parameters<typeof right>): Plan {
  const lines = claims.flatMap(({ charges }: Claim) => charges.map(({ bucket }) => bucket.line));
  const kept = lines.map((line) => line.splice(0));
  const planned = right(claims, now, skewMs);
  for (const [index, line] of lines.entries()) line.push(...kept[index] ?? []);
  return planned;
}
