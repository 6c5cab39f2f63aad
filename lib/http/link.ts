/** One link of a `Link` header (RFC 8288 section 3). */
export interface Link {
  /** A URI reference, unresolved. */
  readonly target: string;
  /** Parameters by name in lower case; of duplicates the first counts. */
  readonly params: ReadonlyMap<string, string>;
}

const EMPTY_ELEMENTS = /[ \t,]*/y;
const TARGET = /<([^<>]*)>/y;
const PARAM =
  /[ \t]*;[ \t]*(?:([!#$%&'*+.^_`|~\w-]+)[ \t]*(?:=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s";,<>]*)))?)?/y;
const END = /[ \t]*(?:,|$)/y;

/** Parses a `Link` header, or several joined by commas; undefined if it is malformed. */
export function parseLinks(header: string): Link[] | undefined {
  const links: Link[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(header) ?? undefined;
    if (found) at = pattern.lastIndex;
    return found;
  };
  while (true) {
    take(EMPTY_ELEMENTS);
    if (at === header.length) return links;
    const target = take(TARGET)?.[1];
    if (target === undefined) return undefined;
    const params = new Map<string, string>();
    for (let param = take(PARAM); param; param = take(PARAM)) {
      const [, name = "", quoted, plain = ""] = param;
      const value = quoted?.replaceAll(/\\(.)/g, "$1") ?? plain;
      if (name !== "" && !params.has(name.toLowerCase())) params.set(name.toLowerCase(), value);
    }
    if (!take(END)) return undefined;
    links.push({ target, params });
  }
}

/** Whether a link has this relation, and the response itself as its context. */
export function hasRelation({ params }: Link, relation: string): boolean {
  // An anchor changes its context (RFC 8288 section 3.2).
  if (params.has("anchor")) return false;
  return params.get("rel")?.toLowerCase().split(/[ \t]+/).includes(relation) ?? false;
}
