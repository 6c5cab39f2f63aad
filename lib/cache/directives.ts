/** Cache directives by their lower-case names; the meaning of an argument depends on the directive. */
export type Directives = ReadonlyMap<string, string>;

/** Larger delta-seconds count as this (RFC 9111 section 1.2.2). */
const MAX_SECONDS = 2 ** 31;

const QUOTED = /^"((?:[^"\\]|\\.)*)"$/;

/** Parsed headers: an origin sends few different ones. Bounded, because clients send them too. */
const parsed = new Map<string, Directives>();
const MAX_PARSED = 1_000;
const MAX_CHARS = 256;

const NONE: Directives = new Map();

/**
 * Parses `Cache-Control` (RFC 9111 section 5.2). The first of repeated directives counts (section
 * 4.2.1); a malformed one gets a name that no caller looks up.
 */
export function parseDirectives(header: string | null): Directives {
  if (header === null) return NONE;
  const known = parsed.get(header);
  if (known) return known;
  const directives = readDirectives(header);
  if (parsed.size >= MAX_PARSED) parsed.clear();
  if (header.length <= MAX_CHARS) parsed.set(header, directives);
  return directives;
}

function readDirectives(header: string): Directives {
  const directives = new Map<string, string>();
  for (const piece of splitList(header)) {
    const text = piece.trim();
    const equals = text.indexOf("=");
    const name = (equals < 0 ? text : text.slice(0, equals)).toLowerCase();
    const argument = equals < 0 ? "" : text.slice(equals + 1);
    const value = QUOTED.exec(argument)?.[1]?.replaceAll(/\\(.)/g, "$1") ?? argument;
    if (name !== "" && !directives.has(name)) directives.set(name, value);
  }
  return directives;
}

/** Splits a list at its commas, except within quoted strings. */
export function splitList(text: string): string[] {
  const members: string[] = [];
  let begin = 0;
  let isQuoted = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (isQuoted && character === "\\") index++;
    else if (character === '"') isQuoted = !isQuoted;
    else if (character === "," && !isQuoted) {
      members.push(text.slice(begin, index));
      begin = index + 1;
    }
  }
  members.push(text.slice(begin));
  return members;
}

/**
 * A directive's argument in milliseconds; undefined when the directive is absent. An invalid number of
 * seconds counts as 0, the safe side (RFC 9111 section 4.2.1: treat as stale).
 */
export function deltaMs(directives: Directives, name: string): number | undefined {
  const value = directives.get(name);
  if (value === undefined) return undefined;
  return /^\d+$/.test(value) ? Math.min(Number(value), MAX_SECONDS) * 1000 : 0;
}
