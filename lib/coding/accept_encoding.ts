import { memoize } from "../core/memoize.ts";
import { type Coding, CODINGS } from "./codings.ts";

/** How a response to a request may be coded. */
export interface AcceptedCoding {
  /** The coding to apply; undefined for none. */
  readonly coding: Coding | undefined;
  /** Whether the client refuses a response without a coding. */
  readonly mustBeCoded: boolean;
}

/** Many clients send the same few values: each is read once. */
const MAX_VALUES = 256;
const MEMBER = /^([!#$%&'*+.^_`|~\w-]+)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/i;
const PLAIN: AcceptedCoding = { coding: undefined, mustBeCoded: false };

/**
 * Chooses the coding of a response (RFC 9110 section 12.5.3): the one with the highest weight, and
 * among equal ones the first of {@linkcode CODINGS}. None if the client prefers that, or sends no
 * `Accept-Encoding`, as clients do that cannot decode any. `*` stands for gzip, which every client
 * that accepts anything can decode. Malformed members are ignored.
 *
 * @example
 * ```ts
 * acceptedCoding("gzip;q=0.8, br").coding; // "br"
 * ```
 */
export function acceptedCoding(header: string | null): AcceptedCoding {
  return header === null ? PLAIN : read(header);
}

const read = memoize(readHeader, MAX_VALUES);

function readHeader(header: string): AcceptedCoding {
  const weights = new Map<string, number>();
  for (const member of header.toLowerCase().split(",")) {
    const [, name, weight = "1"] = MEMBER.exec(member.trim()) ?? [];
    if (name !== undefined) weights.set(name === "x-gzip" ? "gzip" : name, Number(weight));
  }
  const any = weights.get("*");
  const identity = weights.get("identity") ?? (any === 0 ? 0 : undefined);
  if (any !== undefined && !weights.has("gzip")) weights.set("gzip", any);
  let coding: Coding | undefined;
  let best = 0;
  for (const candidate of CODINGS) {
    const weight = weights.get(candidate) ?? 0;
    if (weight > best && weight >= (identity ?? 0)) [coding, best] = [candidate, weight];
  }
  return { coding, mustBeCoded: identity === 0 && coding !== undefined };
}
