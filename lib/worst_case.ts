import type { PartSettings, RouteSettings } from "./config/settings.ts";

/** What a route may take at most (ms): its slowest chain of parts, unless the deadline ends it. */
export function worstCaseMs(route: RouteSettings): number {
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
  let callMs = timeoutMs;
  for (let again = 1; again < attempts; again++) {
    callMs += timeoutMs + Math.min(retry.maxBackoffMs, retry.backoffMs * 2 ** (again - 1));
  }
  return rounds * callMs;
}
