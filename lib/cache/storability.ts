import type { ResponseMetadata } from "./entry.ts";
import { CACHEABLE_BY_DEFAULT, type FreshnessSettings } from "./freshness.ts";
import { rulesOf } from "./rules.ts";
import { variesByMore } from "./variants.ts";

/** Statuses that this cache knows how to keep, for `must-understand` (RFC 9111 section 5.2.2.3). */
const UNDERSTOOD: ReadonlySet<number> = new Set([...CACHEABLE_BY_DEFAULT, 302, 303, 307, 400, 403]);

/** Statuses that answer what one client has or wants of the whole, and nobody else. */
const PARTIAL: ReadonlySet<number> = new Set([206, 304, 412, 416]);

/**
 * Whether an answer to GET may be kept for whoever asks (RFC 9111 section 3). Never one that sets a
 * cookie: it was meant for one client, whatever else it says.
 */
export function isStorable(answer: ResponseMetadata, settings: FreshnessSettings): boolean {
  return !PARTIAL.has(answer.status) && isStorablePart(answer, settings);
}

/** The same of a part (206), which may be kept as what it is. */
export function isStorablePart(answer: ResponseMetadata, settings: FreshnessSettings): boolean {
  const { status, headers } = answer;
  if (headers.has("set-cookie") || variesByMore(headers)) return false;
  const { directives } = rulesOf(headers);
  const isOverridden = settings.override && settings.ttlMs !== undefined;
  if (!isOverridden) {
    const isUnderstood = UNDERSTOOD.has(status);
    if (directives.has("must-understand") ? !isUnderstood : directives.has("no-store")) {
      return false;
    }
    if (directives.has("private")) return false;
  }
  if (answer.isAuthorized && !allowsAuthorized(headers)) return false;
  return CACHEABLE_BY_DEFAULT.has(status) || statesReuse(headers);
}

/** Whether an answer says itself that it may be used again, and for how long or by whom. */
export function statesReuse(headers: Headers): boolean {
  const { directives, isTargeted } = rulesOf(headers);
  return ["public", "max-age", "s-maxage"].some((name) => directives.has(name)) ||
    (!isTargeted && headers.has("expires"));
}

/** Whether an answer may serve requests with an Authorization (RFC 9111 section 3.5). */
export function allowsAuthorized(headers: Headers): boolean {
  const { directives } = rulesOf(headers);
  return ["public", "s-maxage", "must-revalidate"].some((name) => directives.has(name));
}
