import type { ResponseMetadata } from "./entry.ts";
import { parseHttpDate } from "../http/http_date.ts";

/** Requests of a client for an answer only where it differs from what it has. */
const CONDITIONAL_HEADERS = ["if-none-match", "if-modified-since"] as const;

/** What a 304 cannot change of the body that is kept (RFC 9111 section 3.2). */
const BODY_HEADERS: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-length",
  "content-md5",
  "content-range",
  "transfer-encoding",
]);

/** What a 304 tells nothing of: what the client has says it (RFC 9110 section 15.4.5). */
const OMITTED_FROM_304: ReadonlySet<string> = new Set([
  ...BODY_HEADERS,
  "content-language",
  "content-type",
]);

/** Whether the client has this answer already (RFC 9110 section 13.2.2). */
export function isNotModified(requested: Headers, answer: Headers, now: number): boolean {
  const etags = requested.get("if-none-match");
  if (etags !== null) return matchesEtag(etags, answer.get("etag"));
  const since = parseHttpDate(requested.get("if-modified-since"), now);
  if (since === undefined) return false;
  const changed = parseHttpDate(answer.get("last-modified"), now) ??
    parseHttpDate(answer.get("date"), now);
  return changed !== undefined && changed <= since;
}

/** Weak comparison (RFC 9110 section 8.8.3.2). */
function matchesEtag(listed: string, etag: string | null): boolean {
  if (listed.trim() === "*") return true;
  if (etag === null) return false;
  return listed.match(/"[^"]*"/g)?.includes(opaque(etag)) ?? false;
}

/** How much younger than its last change a response has to be made for that to tell it apart (ms). */
const STRONG_MS = 1_000;

/**
 * Whether an `If-Range` lets a range of this response serve; always, when there is none (RFC 9110
 * section 13.1.5). An ETag has to be strong and the same, a date that of the last change, which has
 * to be older than the response by a second at least (section 8.8.2.2).
 */
export function sameStrongValidator(ifRange: string | null, answer: Headers): boolean {
  if (ifRange === null) return true;
  return ifRange.trim() === strongValidator(answer);
}

/** What tells a response from every other of its address, for `If-Range`; undefined for nothing. */
export function strongValidator(answer: Headers): string | undefined {
  const etag = answer.get("etag");
  if (etag !== null) return etag.startsWith("W/") ? undefined : etag;
  const modified = answer.get("last-modified");
  const modifiedAt = parseHttpDate(modified, 0);
  const madeAt = parseHttpDate(answer.get("date"), 0);
  if (modified === null || modifiedAt === undefined || madeAt === undefined) return undefined;
  return madeAt - modifiedAt >= STRONG_MS ? modified : undefined;
}

/** What weak comparison compares of an ETag. */
function opaque(etag: string): string {
  return etag.replace(/^W\//, "");
}

/** The same request for the whole answer, whatever the client has. */
export function unconditionalHeaders(headers: Headers): Headers {
  const asked = new Headers(headers);
  for (const name of CONDITIONAL_HEADERS) asked.delete(name);
  return asked;
}

/** The same request, for a 304 if this answer is still right; undefined when that cannot be asked. */
export function conditionalHeaders(
  headers: Headers,
  answer: ResponseMetadata,
): Headers | undefined {
  const etag = answer.headers.get("etag");
  const modified = answer.headers.get("last-modified");
  if (etag === null && modified === null) return undefined;
  const asked = unconditionalHeaders(headers);
  if (etag !== null) asked.set("if-none-match", etag);
  if (modified !== null) asked.set("if-modified-since", modified);
  return asked;
}

/** Whether a 304 is about this answer: one that names another ETag is not (RFC 9111 section 4.3.4). */
export function canFreshen(validated: Headers, { headers }: ResponseMetadata): boolean {
  const told = validated.get("etag");
  const kept = headers.get("etag");
  return told === null || kept === null || opaque(told) === opaque(kept);
}

/** The headers of an answer that a 304 found unchanged (RFC 9111 section 3.2). */
export function mergeHeaders(kept: Headers, validated: Headers): Headers {
  const merged = new Headers(kept);
  const told = [...validated].filter(([name]) => !BODY_HEADERS.has(name));
  for (const [name] of told) merged.delete(name);
  for (const [name, value] of told) merged.append(name, value);
  // What caches on the way said of the answer's age then says nothing of it now.
  if (!validated.has("age")) merged.delete("age");
  return merged;
}

/** The headers of the 304 that stands for an answer. */
export function notModifiedHeaders(headers: Headers): Headers {
  const told = new Headers(headers);
  for (const name of OMITTED_FROM_304) told.delete(name);
  return told;
}
