/** A language that a client accepts. */
export interface LanguageRange {
  /** In lower case; `*` for every other. */
  readonly tag: string;
  /** Its quality: from 0, not acceptable, to 1000. */
  readonly weight: number;
}

const MEMBER =
  /^([a-z]{1,8}(?:-[a-z0-9]{1,8})*|\*)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/i;

/**
 * Parses `Accept-Language` (RFC 9110 section 12.5.4), by descending quality. Languages of equal
 * quality have no order, and are sorted by name.
 * @returns undefined when it is malformed
 */
export function parseAcceptLanguage(header: string): readonly LanguageRange[] | undefined {
  const ranges: LanguageRange[] = [];
  for (const member of header.split(",").map((text) => text.trim())) {
    if (member === "") continue;
    const [, tag, q = "1"] = MEMBER.exec(member) ?? [];
    if (tag === undefined) return undefined;
    ranges.push({ tag: tag.toLowerCase(), weight: Math.round(Number(q) * 1000) });
  }
  return ranges.sort((a, b) => b.weight - a.weight || (a.tag < b.tag ? -1 : 1));
}
