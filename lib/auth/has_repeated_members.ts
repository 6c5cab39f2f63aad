import type { Bytes } from "../core/bytes.ts";
import { Members } from "../json/scan.ts";

const DECODER = new TextDecoder();

/**
 * Whether an object of well-formed JSON repeats a member at its top level. Two readers can see
 * different values in it, so it proves nothing (RFC 7519 section 4).
 * @param document the object, without white space before it
 */
export function hasRepeatedMembers(document: Bytes): boolean {
  const names = new Set<unknown>();
  const members = new Members(document, 0);
  while (members.next()) {
    const name: unknown = JSON.parse(
      DECODER.decode(document.subarray(members.nameStart, members.nameEnd)),
    );
    if (names.has(name)) return true;
    names.add(name);
  }
  return false;
}
