import { type Bytes, joinBytes } from "../core/bytes.ts";
import { writeJson } from "./write_json.ts";

// JSON documents as bytes. They are known to be JSON, so they are put together as they came:
// writing them anew would cost more than all else in an answer.

const ENCODER = new TextEncoder();
const OPEN = ENCODER.encode("[");
const COMMA = ENCODER.encode(",");
const CLOSE = ENCODER.encode("]");
const NULL = ENCODER.encode("null");
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const;
const [LINE_FEED, CARRIAGE_RETURN, SPACE] = [0x0a, 0x0d, 0x20] as const;

/**
 * What an answer is within another document: null when it is empty, and without a byte order mark,
 * which may begin a document but not stand in one (RFC 8259 section 8.1).
 */
export function documentOf(answer: Bytes): Bytes {
  if (answer.length === 0) return NULL;
  return BYTE_ORDER_MARK.every((byte, index) => answer[index] === byte)
    ? answer.subarray(BYTE_ORDER_MARK.length)
    : answer;
}

/** A list of answers; null for each that is not there. */
export function listOf(answers: readonly (Bytes | undefined)[]): Bytes {
  const chunks: Bytes[] = [OPEN];
  answers.forEach((answer, index) => {
    if (index > 0) chunks.push(COMMA);
    chunks.push(answer ? documentOf(answer) : NULL);
  });
  chunks.push(CLOSE);
  return joinBytes(chunks);
}

/** Several lists as one; each as {@linkcode jsonBytes} writes it. */
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

/** The same document on one line: in JSON a line can only end between tokens. */
export function oneLine(document: Bytes): Bytes {
  if (!document.includes(LINE_FEED) && !document.includes(CARRIAGE_RETURN)) return document;
  return document.map((byte) => byte === LINE_FEED || byte === CARRIAGE_RETURN ? SPACE : byte);
}

/** A value as JSON; a bigint is a number with all its digits. */
export function jsonBytes(value: unknown): Bytes {
  return ENCODER.encode(writeJson(value));
}
