import { Body } from "../core/body.ts";
import { type Bytes, joinBytes } from "../core/bytes.ts";
import { formatContentRange, parseByteRanges, parseContentRange } from "../http/byte_ranges.ts";
import { mergeHeaders, sameStrongValidator, strongValidator } from "./conditional.ts";
import type { CacheEntry } from "./entry.ts";

/** A stored part of a response (206), as a cache may use it. */
export interface Part {
  readonly entry: CacheEntry;
  readonly bytes: Bytes;
  /** The place of its first byte in the whole. */
  readonly first: number;
  /** The length of the whole; undefined when it was not told. */
  readonly size: number | undefined;
  /** Whether it goes up to the end of the whole. */
  readonly isLast: boolean;
  /** Whether there are as many bytes as its `Content-Range` says. */
  readonly isExact: boolean;
}

/** Reads a stored 206 of one range, whose body is whole; undefined when it is none. */
export async function partOf(entry: CacheEntry): Promise<Part | undefined> {
  const range = parseContentRange(entry.headers.get("content-range"));
  if (range === undefined || entry.headers.has("content-encoding")) return undefined;
  const { first, last, size } = range;
  const bytes = await entry.body.bytes(Infinity);
  const isExact = bytes.length === last - first + 1;
  return { entry, bytes, first, size, isLast: last + 1 === size, isExact };
}

/**
 * The range that a client asks for, where it lies in the part (RFC 9111 section 3.3).
 *
 * Where fewer bytes came than `Content-Range` says, the bytes count: the end of the last part is the
 * end of the whole.
 */
export function sliceOf(part: Part, request: Headers): CacheEntry | undefined {
  const { entry, bytes, first, size, isLast } = part;
  const range = request.get("range");
  const end = isLast ? first + bytes.length : size;
  if (range === null || end === undefined) return undefined;
  if (!sameStrongValidator(request.get("if-range"), entry.headers)) return undefined;
  const [wanted, ...others] = parseByteRanges(range, end) ?? [];
  if (wanted === undefined || others.length > 0) return undefined;
  if (wanted.first < first || wanted.last >= first + bytes.length) return undefined;
  const slice = bytes.subarray(wanted.first - first, wanted.last + 1 - first);
  return withBytes(entry, slice, formatContentRange(wanted, size));
}

/**
 * Both parts as one, with the newer one's header fields, where they are of the same response and
 * leave no gap; else the newer one (RFC 9111 section 3.4).
 */
export function combined(older: Part, newer: Part): Part {
  const [a, b] = older.first <= newer.first ? [older, newer] : [newer, older];
  const end = a.first + a.bytes.length;
  const validator = strongValidator(newer.entry.headers);
  const isSame = validator !== undefined && validator === strongValidator(older.entry.headers) &&
    older.size === newer.size && older.isExact && newer.isExact;
  if (!isSame || b.first > end) return newer;
  const bytes = joinBytes([a.bytes, b.bytes.subarray(Math.min(end - b.first, b.bytes.length))]);
  const { first } = a;
  const { size } = newer;
  const last = first + bytes.length - 1;
  const headers = mergeHeaders(older.entry.headers, newer.entry.headers);
  const entry = withBytes(
    { ...newer.entry, headers },
    bytes,
    formatContentRange({ first, last }, size),
  );
  return { entry, bytes, first, size, isLast: last + 1 === size, isExact: true };
}

/** The whole response, where the part has all of it. */
export function wholeOf({ entry, bytes, first, size, isExact }: Part): CacheEntry | undefined {
  if (first !== 0 || size !== bytes.length || !isExact) return undefined;
  return { ...withBytes(entry, bytes, undefined), status: 200 };
}

/** What to ask for to make the part whole; undefined when it does not begin at the beginning. */
export function restHeaders(headers: Headers, part: Part): Headers | undefined {
  if (part.first !== 0 || part.size === undefined || !part.isExact) return undefined;
  const asked = new Headers(headers);
  asked.set("range", `bytes=${part.bytes.length}-`);
  const validator = strongValidator(part.entry.headers);
  if (validator !== undefined) asked.set("if-range", validator);
  return asked;
}

function withBytes(entry: CacheEntry, bytes: Bytes, range: string | undefined): CacheEntry {
  const headers = new Headers(entry.headers);
  headers.set("content-length", String(bytes.length));
  if (range === undefined) headers.delete("content-range");
  else headers.set("content-range", range);
  return { ...entry, headers, body: Body.of(bytes) };
}
