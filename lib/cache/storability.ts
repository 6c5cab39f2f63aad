import type { ResponseMetadata } from "./entry.ts";
import { CACHEABLE_BY_DEFAULT, type FreshnessSettings } from "./freshness.ts";
import { rulesOf } from "./rules.ts";
import { variesByMore } from "./variants.ts";

/** Statuses that this cache understands, for `must-understand` (RFC 9111 section 5.2.2.3). */
const UNDERSTOOD: ReadonlySet<number> = new Set([...CACHEABLE_BY_DEFAULT, 302, 303, 307, 400, 403]);

/** Statuses that depend on one client's range or precondition. */
const PARTIAL: ReadonlySet<number> = new Set([206, 304, 412, 416]);

/**
 * Whether a response to GET may be stored for any client (RFC 9111 section 3). Never one that sets a
 * cookie: it is meant for one client, whatever it states.
 */
export function isStorable(response: ResponseMetadata, settings: FreshnessSettings): boolean {
  return !PARTIAL.has(response.status) && isStorablePart(response, settings);
}

/** The same for a partial response (206). */
export function isStorablePart(response: ResponseMetadata, settings: FreshnessSettings): boolean {
  const { status, headers } = response;
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
  if (response.isAuthorized && !allowsAuthorized(headers)) return false;
  return CACHEABLE_BY_DEFAULT.has(status) || statesReuse(headers);
}

/** Whether a response states itself that it may be reused. */
export function statesReuse(headers: Headers): boolean {
  const { directives, isTargeted } = rulesOf(headers);
  return ["public", "max-age", "s-maxage"].some((name) => directives.has(name)) ||
    (!isTargeted && headers.has("expires"));
}

/** Whether a response to a request with Authorization may be shared (RFC 9111 section 3.5). */
export function allowsAuthorized(headers: Headers): boolean {
  const { directives } = rulesOf(headers);
  return ["public", "s-maxage", "must-revalidate"].some((name) => directives.has(name));
}
