import { type Bytes, joinBytes } from "../core/bytes.ts";
import { writeJson } from "./write_json.ts";

// Joins JSON documents as bytes. They are known to be JSON: parsing and serializing them again would
// cost more than everything else in a response.

const ENCODER = new TextEncoder();
const OPEN = ENCODER.encode("[");
const COMMA = ENCODER.encode(",");
const CLOSE = ENCODER.encode("]");
const NULL = ENCODER.encode("null");
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const;
const [LINE_FEED, CARRIAGE_RETURN, SPACE] = [0x0a, 0x0d, 0x20] as const;

/**
 * A body as a value within another document: null when it is empty, and without a byte order mark,
 * which may begin a document but not occur within one (RFC 8259 section 8.1).
 */
export function documentOf(body: Bytes): Bytes {
  if (body.length === 0) return NULL;
  return BYTE_ORDER_MARK.every((byte, index) => body[index] === byte)
    ? body.subarray(BYTE_ORDER_MARK.length)
    : body;
}

/** Bodies as one JSON list; null for each that is missing. */
export function listOf(bodies: readonly (Bytes | undefined)[]): Bytes {
  const chunks: Bytes[] = [OPEN];
  bodies.forEach((body, index) => {
    if (index > 0) chunks.push(COMMA);
    chunks.push(body ? documentOf(body) : NULL);
  });
  chunks.push(CLOSE);
  return joinBytes(chunks);
}

/** Concatenates lists, each without white space around its brackets. */
export function joinLists(lists: readonly Bytes[]): Bytes {
  const chunks: Bytes[] = [OPEN];
  for (const list of lists) {
    const items = list.subarray(1, -1);
    if (items.length === 0) continue;
    if (chunks.length > 1) chunks.push(COMMA);
    chunks.push(items);
  }
  chunks.push(CLOSE);
  return joinBytes(chunks);
}

/** The same document on one line: in JSON, line breaks occur only between tokens. */
export function oneLine(document: Bytes): Bytes {
  if (!document.includes(LINE_FEED) && !document.includes(CARRIAGE_RETURN)) return document;
  return document.map((byte) => byte === LINE_FEED || byte === CARRIAGE_RETURN ? SPACE : byte);
}

/** Serializes a value as JSON; a bigint becomes a number with all its digits. */
export function jsonBytes(value: unknown): Bytes {
  return ENCODER.encode(writeJson(value));
}
