/** A range of bytes, both ends included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** A parsed `Content-Range`. */
export interface ContentRange extends ByteRange {
  /** The complete length; undefined if unknown. */
  readonly size: number | undefined;
}

/** Maximum ranges of a request; more indicate an attack (RFC 9110 section 14.2). */
const MOST_RANGES = 16;

/**
 * Parses the ranges that a `Range` header requests (RFC 9110 section 14.1).
 * @param size the representation's length (bytes)
 * @returns undefined if the header must be ignored: another unit, malformed, or ranges that
 * overlap or are too many. An empty list if no range is satisfiable (416).
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

/** Parses a `Content-Range` of bytes (RFC 9110 section 14.4); undefined for anything else. */
export function parseContentRange(header: string | null): ContentRange | undefined {
  const [, from, to, whole] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(header?.trim() ?? "") ?? [];
  if (from === undefined || to === undefined) return undefined;
  const [first, last] = [Number(from), Number(to)];
  const size = whole === "*" ? undefined : Number(whole);
  const isValid = first <= last && last < (size ?? Infinity) && Number.isSafeInteger(last);
  return isValid ? { first, last, size } : undefined;
}

/** Formats a `Content-Range` (RFC 9110 section 14.4). */
export function formatContentRange({ first, last }: ByteRange, size: number | undefined): string {
  return `bytes ${first}-${last}/${size ?? "*"}`;
}
