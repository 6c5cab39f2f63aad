import type { Bytes } from "../core/bytes.ts";
import { MemberName } from "./member_name.ts";
import { endOfValue, itemsAt, kindAt, Members, type Range, skipSpace } from "./scan.ts";

/** A list has only numbered items (RFC 6901 section 4). */
const INDEX = /^(?:0|[1-9]\d*)$/;

/**
 * Finds the value at a path of keys; undefined when there is none. Of members with the same name the
 * last counts, as in JSON.parse.
 * @param document well-formed JSON without a byte order mark
 */
export function locate(document: Bytes, keys: readonly string[]): Range | undefined {
  let start = skipSpace(document, 0);
  let found: Range | undefined;
  for (const key of keys) {
    found = valueIn(document, start, key);
    if (found === undefined) return undefined;
    start = found.start;
  }
  return found ?? { start, end: endOfValue(document, start) };
}

function valueIn(document: Bytes, start: number, key: string): Range | undefined {
  switch (kindAt(document, start)) {
    case "object":
      return memberIn(document, start, new MemberName(key));
    case "list":
      return INDEX.test(key) ? itemsAt(document, start)[Number(key)] : undefined;
    case "scalar":
      return undefined;
  }
}

function memberIn(document: Bytes, start: number, name: MemberName): Range | undefined {
  const members = new Members(document, start);
  let found: Range | undefined;
  while (members.next()) {
    if (name.names(document, members)) found = { start: members.start, end: members.end };
  }
  return found;
}
