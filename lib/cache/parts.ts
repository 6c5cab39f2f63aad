import { Body } from "../core/body.ts";
import { FieldList } from "../core/field_list.ts";
import { type Bytes, joinBytes } from "../core/bytes.ts";
import { formatContentRange, parseByteRanges, parseContentRange } from "../http/byte_ranges.ts";
import { mergeHeaders, sameStrongValidator, strongValidator } from "./conditional.ts";
import type { CacheEntry } from "./entry.ts";

/** A stored partial response (206) of one range. */
export interface Part {
  readonly entry: CacheEntry;
  readonly bytes: Bytes;
  /** The offset of its first byte in the whole. */
  readonly first: number;
  /** The length of the whole; undefined when unknown. */
  readonly size: number | undefined;
  /** Whether it ends where the whole does. */
  readonly isLast: boolean;
  /** Whether it has as many bytes as its `Content-Range` states. */
  readonly isExact: boolean;
}

/** Reads a stored 206 of one range; undefined for anything else. */
export async function partOf(entry: CacheEntry): Promise<Part | undefined> {
  const range = parseContentRange(entry.headers.get("content-range"));
  if (range === undefined || entry.headers.has("content-encoding")) return undefined;
  const { first, last, size } = range;
  const bytes = await entry.body.bytes(Infinity);
  const isExact = bytes.length === last - first + 1;
  return { entry, bytes, first, size, isLast: last + 1 === size, isExact };
}

/**
 * The requested range, where the part contains it (RFC 9111 section 3.3).
 *
 * When fewer bytes were received than `Content-Range` states, the bytes count: the end of the last part
 * is the end of the whole.
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
 * Combines two parts of the same response that leave no gap, with the headers of the newer one; else
 * returns the newer one (RFC 9111 section 3.4).
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

/** The whole response (200), when the part has all of it. */
export function wholeOf({ entry, bytes, first, size, isExact }: Part): CacheEntry | undefined {
  if (first !== 0 || size !== bytes.length || !isExact) return undefined;
  return { ...withBytes(entry, bytes, undefined), status: 200 };
}

/** The request headers for the rest of a part; undefined when it does not start at byte 0. */
export function restHeaders(headers: Headers, part: Part): Headers | undefined {
  if (part.first !== 0 || part.size === undefined || !part.isExact) return undefined;
  const rest = new FieldList(headers);
  rest.set("range", `bytes=${part.bytes.length}-`);
  const validator = strongValidator(part.entry.headers);
  if (validator !== undefined) rest.set("if-range", validator);
  return rest;
}

function withBytes(entry: CacheEntry, bytes: Bytes, range: string | undefined): CacheEntry {
  const headers = new FieldList(entry.headers);
  headers.set("content-length", String(bytes.length));
  if (range === undefined) headers.delete("content-range");
  else headers.set("content-range", range);
  return { ...entry, headers, body: Body.of(bytes) };
}
