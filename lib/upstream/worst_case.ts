import type { PartSettings } from "../config/part.ts";
import { isRepeatable } from "../core/is_repeatable.ts";
import type { RouteSettings } from "../config/route.ts";

/**
 * Returns a route's worst-case latency (ms): its slowest chain of parts, capped by the deadline.
 */
export function worstCaseMs(route: RouteSettings): number {
  // A batch can contain any request.
  if ("max" in route) return route.deadlineMs;
  if (!("parts" in route)) return Math.min(route.deadlineMs, route.to.timeoutMs);
  const parts = new Map(route.parts.map((part) => [part.name, part]));
  const ends = new Map<string, number>();
  const endOf = (part: PartSettings): number => {
    const known = ends.get(part.name);
    if (known !== undefined) return known;
    const needs = part.needs.flatMap((need) => parts.get(need) ?? []);
    const end = Math.max(0, ...needs.map(endOf)) + durationMs(part);
    ends.set(part.name, end);
    return end;
  };
  return Math.min(route.deadlineMs, Math.max(...route.parts.map(endOf)));
}

/** Returns the time of all attempts and delays, for every round of an `each` or page of a list. */
function durationMs(part: PartSettings): number {
  if ("isStatic" in part.upstream) return 0;
  const { each, batch, pages, timeoutMs, upstream: { retry, hedge } } = part;
  const rounds = each
    ? Math.ceil(each.max / each.concurrency)
    : batch
    ? Math.ceil(Math.ceil(batch.maxItems / batch.max) / batch.concurrency)
    : pages?.max ?? 1;
  const canRepeat = isRepeatable(part, retry.methods);
  const attempts = canRepeat ? retry.attempts : 1;
  const isHedged = hedge !== undefined && canRepeat;
  // A second call is made before the first has timed out, and then has a timeout of its own.
  const hedgeMs = isHedged
    ? Math.min(timeoutMs, "ms" in hedge.after ? hedge.after.ms : Infinity)
    : 0;
  const callMs = attempts * (timeoutMs + hedgeMs) + longestWaitsMs(attempts - 1, retry);
  return rounds * callMs;
}

/** Returns the sum of `n` delays that double up to a maximum. */
function longestWaitsMs(
  waits: number,
  { backoffMs, maxBackoffMs }: PartSettings["upstream"]["retry"],
): number {
  if (backoffMs === 0) return 0;
  const doubling = Math.min(waits, Math.max(0, Math.ceil(Math.log2(maxBackoffMs / backoffMs))));
  return backoffMs * (2 ** doubling - 1) + (waits - doubling) * maxBackoffMs;
}
