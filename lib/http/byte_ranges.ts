/** Bytes of a representation, both ends included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** What a `Content-Range` says of a part. */
export interface ContentRange extends ByteRange {
  /** The length of the whole; undefined when it is not told. */
  readonly size: number | undefined;
}

/** More ranges than this in one request are no honest ones (RFC 9110 section 14.2). */
const MOST_RANGES = 16;

/**
 * The ranges that a `Range` header asks for of a representation (RFC 9110 section 14.1).
 * @param size the representation's length (bytes)
 * @returns undefined when the header is to be ignored: another unit, malformed, or ranges that
 * overlap or are too many. An empty list when no range lies in the representation (416).
 */
export function parseByteRanges(header: string, size: number): readonly ByteRange[] | undefined {
  const [unit = "", set = ""] = header.split("=", 2);
  if (unit.trim().toLowerCase() !== "bytes" || header.split("=").length !== 2) return undefined;
  const specs = set.split(",").map((spec) => spec.trim()).filter((spec) => spec !== "");
  if (specs.length === 0 || specs.length > MOST_RANGES) return undefined;
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const [, from = "", to = ""] = /^(\d*)-(\d*)$/.exec(spec) ?? [];
    if (from === "" && to === "") return undefined;
    if (from !== "" && to !== "" && Number(to) < Number(from)) return undefined;
    const first = from === "" ? Math.max(0, size - Number(to)) : Number(from);
    const last = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1);
    if (first <= last) ranges.push({ first, last });
  }
  const sorted = ranges.toSorted((a, b) => a.first - b.first);
  const overlaps = sorted.some(({ first }, index) => first <= (sorted[index - 1]?.last ?? -1));
  return overlaps ? undefined : ranges;
}

/** Reads a `Content-Range` of bytes (RFC 9110 section 14.4); undefined for anything else. */
export function parseContentRange(header: string | null): ContentRange | undefined {
  const [, from, to, whole] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(header?.trim() ?? "") ?? [];
  if (from === undefined || to === undefined) return undefined;
  const [first, last] = [Number(from), Number(to)];
  const size = whole === "*" ? undefined : Number(whole);
  const isValid = first <= last && last < (size ?? Infinity) && Number.isSafeInteger(last);
  return isValid ? { first, last, size } : undefined;
}

/** A `Content-Range` (RFC 9110 section 14.4). */
export function formatContentRange({ first, last }: ByteRange, size: number | undefined): string {
  return `bytes ${first}-${last}/${size ?? "*"}`;
}
