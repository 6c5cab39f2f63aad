import { FieldList } from "../core/field_list.ts";
import type { ResponseMetadata } from "./entry.ts";
import { parseHttpDate } from "../http/http_date.ts";

/** Preconditions of a client that has a copy of the response. */
const CONDITIONAL_HEADERS = ["if-none-match", "if-modified-since"] as const;

/** Headers about the stored body, which a 304 cannot change (RFC 9111 section 3.2). */
const BODY_HEADERS: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-length",
  "content-md5",
  "content-range",
  "transfer-encoding",
]);

/** Headers that a 304 omits: the client's copy has them (RFC 9110 section 15.4.5). */
const OMITTED_FROM_304: ReadonlySet<string> = new Set([
  ...BODY_HEADERS,
  "content-language",
  "content-type",
]);

/** Whether the client's copy of this response is current (RFC 9110 section 13.2.2). */
export function isNotModified(request: Headers, response: Headers, now: number): boolean {
  const etags = request.get("if-none-match");
  if (etags !== null) return matchesEtag(etags, response.get("etag"));
  const since = parseHttpDate(request.get("if-modified-since"), now);
  if (since === undefined) return false;
  const changed = parseHttpDate(response.get("last-modified"), now) ??
    parseHttpDate(response.get("date"), now);
  return changed !== undefined && changed <= since;
}

/** Compares ETags weakly (RFC 9110 section 8.8.3.2). */
function matchesEtag(listed: string, etag: string | null): boolean {
  if (listed.trim() === "*") return true;
  if (etag === null) return false;
  return listed.match(/"[^"]*"/g)?.includes(opaque(etag)) ?? false;
}

/** A `Last-Modified` this much older than `Date` is a strong validator (ms). */
const STRONG_MS = 1_000;

/**
 * Whether `If-Range` allows a range of this response; always when absent (RFC 9110 section 13.1.5). An
 * ETag must be strong and equal. A date must equal `Last-Modified`, which must be at least a second
 * older than `Date` (section 8.8.2.2).
 */
export function sameStrongValidator(ifRange: string | null, response: Headers): boolean {
  if (ifRange === null) return true;
  return ifRange.trim() === strongValidator(response);
}

/** The strong validator of a response, for `If-Range`; undefined when it has none. */
export function strongValidator(response: Headers): string | undefined {
  const etag = response.get("etag");
  if (etag !== null) return etag.startsWith("W/") ? undefined : etag;
  const modified = response.get("last-modified");
  const modifiedAt = parseHttpDate(modified, 0);
  const madeAt = parseHttpDate(response.get("date"), 0);
  if (modified === null || modifiedAt === undefined || madeAt === undefined) return undefined;
  return madeAt - modifiedAt >= STRONG_MS ? modified : undefined;
}

/** The opaque tag of an ETag, which weak comparison compares. */
function opaque(etag: string): string {
  return etag.replace(/^W\//, "");
}

/** The request headers without the client's own preconditions; a copy only if there are any. */
export function unconditionalHeaders(headers: Headers): Headers {
  if (!CONDITIONAL_HEADERS.some((name) => headers.has(name))) return headers;
  const rest = new FieldList(headers);
  for (const name of CONDITIONAL_HEADERS) rest.delete(name);
  return rest;
}

/** The request headers that validate a stored response; undefined when it has no validator. */
export function conditionalHeaders(
  headers: Headers,
  response: ResponseMetadata,
): Headers | undefined {
  const etag = response.headers.get("etag");
  const modified = response.headers.get("last-modified");
  if (etag === null && modified === null) return undefined;
  const conditional = new FieldList(unconditionalHeaders(headers));
  if (etag !== null) conditional.set("if-none-match", etag);
  if (modified !== null) conditional.set("if-modified-since", modified);
  return conditional;
}

/** Whether a 304 may freshen a stored response: not with another ETag (RFC 9111 section 4.3.4). */
export function canFreshen(validated: Headers, { headers }: ResponseMetadata): boolean {
  const validatedTag = validated.get("etag");
  const storedTag = headers.get("etag");
  return validatedTag === null || storedTag === null || opaque(validatedTag) === opaque(storedTag);
}

/** Merges the headers of a 304 into those of the stored response (RFC 9111 section 3.2). */
export function mergeHeaders(stored: Headers, validated: Headers): Headers {
  const merged = new FieldList(stored);
  const updates = [...validated].filter(([name]) => !BODY_HEADERS.has(name));
  for (const [name] of updates) merged.delete(name);
  for (const [name, value] of updates) merged.append(name, value);
  // The stored Age was of the earlier response.
  if (!validated.has("age")) merged.delete("age");
  return merged;
}

/** The headers of the 304 for a response that the client has. */
export function notModifiedHeaders(headers: Headers): Headers {
  const remaining = new FieldList(headers);
  for (const name of OMITTED_FROM_304) remaining.delete(name);
  return remaining;
}
