import type { PartSettings } from "../config/part.ts";
import type { RouteSettings } from "../config/route.ts";

/** What a route may take at most (ms): its slowest chain of parts, unless the deadline ends it. */
export function worstCaseMs(route: RouteSettings): number {
  // Any request may be in it.
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

/** All attempts and the longest waits between them, for as many rounds or pages as a list takes. */
function durationMs({ each, pages, timeoutMs, method, upstream: { retry } }: PartSettings): number {
  const rounds = each ? Math.ceil(each.max / each.concurrency) : pages?.max ?? 1;
  const attempts = retry.methods.has(method) ? retry.attempts : 1;
  const callMs = attempts * timeoutMs + longestWaitsMs(attempts - 1, retry);
  return rounds * callMs;
}

/** So many waits, each twice as long as the one before until none may be longer. */
function longestWaitsMs(
  waits: number,
  { backoffMs, maxBackoffMs }: PartSettings["upstream"]["retry"],
): number {
  if (backoffMs === 0) return 0;
  const doubling = Math.min(waits, Math.max(0, Math.ceil(Math.log2(maxBackoffMs / backoffMs))));
  return backoffMs * (2 ** doubling - 1) + (waits - doubling) * maxBackoffMs;
}
