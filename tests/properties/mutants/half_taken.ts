// Writes only the first bucket of those that a transaction takes from.
import { type Plan, plan as right } from "../../../lib/limiter/plan.ts";
export * from "../../../lib/limiter/plan.ts";

export function plan(...args: Parameters<typeof right>): Plan {
  const { decisions, writes } = right(...args);
  return { decisions, writes: writes.slice(0, 1) };
}
