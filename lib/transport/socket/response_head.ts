import { FieldList } from "../../core/field_list.ts";
import { UpstreamFault } from "../../core/upstream_fault.ts";
import { fieldName, fieldNameEnd } from "./field_name.ts";
import { type BodyEnd, framingOf, malformed } from "./response_framing.ts";

/** The head of a response. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: Headers;
  readonly bodyEnd: BodyEnd;
  /** How long the connection may be idle afterwards (ms); 0: not reusable. */
  readonly idleMs: number;
}

/** Maximum size of a head (bytes), including the status line. */
export const MAX_HEAD_BYTES = 64 * 1024;

const [TAB, LF, CR, BLANK, ZERO, COLON, DELETE] = [9, 10, 13, 0x20, 0x30, 0x3a, 0x7f];
/** The first byte of a TLS record that has an alert (RFC 8446 section 5.1). */
const TLS_ALERT = 21;
/** Where the parts of a status line begin. */
const [MINOR_AT, STATUS_AT, REASON_AT] = [7, 9, 12];
const PREFIX = [..."HTTP/1."].map((character) => character.charCodeAt(0));
const UTF8 = new TextDecoder();

/**
 * Finds the end of the head that begins at `start`: the index after its empty line; -1 if more must
 * be read. Data that cannot be an HTTP/1 response is rejected before its end has arrived.
 * @param from where the last search ended
 * @throws {UpstreamFault} `malformed`, `head-too-large`
 */
export function findHeadEnd(bytes: Uint8Array, start: number, from: number, end: number): number {
  for (let at = start; at < end && at - start < PREFIX.length; at++) {
    if (bytes[at] !== PREFIX[at - start]) throw notHttp(bytes[start]);
  }
  // A CR at the end of the last search may not be followed by LF.
  for (let at = Math.max(start, from - 1); at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte >= BLANK && byte !== DELETE) continue;
    if (byte === CR) {
      if (at + 1 < end && bytes[at + 1] !== LF) throw malformed("a CR without LF in its head");
    } else if (byte === LF) {
      if (at === start || bytes[at - 1] !== CR) throw malformed("an LF without CR in its head");
      if (bytes[at - 2] !== LF || at - 2 <= start) continue;
      if (at + 1 - start > MAX_HEAD_BYTES) throw tooLarge();
      return at + 1;
    } else if (byte !== TAB) {
      throw malformed("a control character in its head");
    }
  }
  if (end - start > MAX_HEAD_BYTES) throw tooLarge();
  return -1;
}

/** The error for data that is no HTTP/1, of which a server sends an alert if it expects TLS. */
function notHttp(firstByte: number | undefined): UpstreamFault {
  return firstByte === TLS_ALERT
    ? new UpstreamFault("tls", "the upstream expects TLS, and its URL is http:")
    : malformed("it does not begin with HTTP/1");
}

/**
 * Parses a head whose end {@linkcode findHeadEnd} has found.
 * @param method of the request: a response to HEAD has no body
 * @throws {UpstreamFault} `malformed`
 */
export function parseResponseHead(bytes: Uint8Array, method: string): ResponseHead {
  const status = statusOf(bytes);
  const isOld = bytes[MINOR_AT] === ZERO;
  const text = latin1(bytes);
  const fields: string[] = [];
  let lineEnd = text.indexOf("\r");
  for (let at = lineEnd + 2; at < text.length - 2; at = lineEnd + 2) {
    lineEnd = text.indexOf("\r", at);
    const colon = fieldNameEnd(bytes, at);
    if (colon === at || bytes[colon] !== COLON) throw malformed("an invalid header");
    fields.push(fieldName(bytes, at, colon), trimmed(text, colon + 1, lineEnd));
  }
  return {
    status,
    ...framingOf(fields, { status, method, isOld }),
    headers: FieldList.trusted(fields),
  };
}

/** Parses a status line: `HTTP/1.1 200`, then a blank and a reason. */
function statusOf(bytes: Uint8Array): number {
  let status = 0;
  for (let at = STATUS_AT; at < REASON_AT; at++) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) throw malformed("an invalid status line");
    status = 10 * status + digit;
  }
  const minor = (bytes[MINOR_AT] ?? 0) - ZERO;
  const next = bytes[REASON_AT];
  if (
    (minor !== 0 && minor !== 1) || bytes[STATUS_AT - 1] !== BLANK ||
    (next !== BLANK && next !== CR)
  ) {
    throw malformed("an invalid status line");
  }
  if (status === 101) throw malformed("it switches protocols without a request");
  if (status < 100 || status > 599) throw malformed(`its status is ${status}`);
  return status;
}

/** Decodes one character per byte (TextDecoder's latin1 is windows-1252). */
function latin1(bytes: Uint8Array): string {
  const ascii = UTF8.decode(bytes);
  if (ascii.length === bytes.length && !ascii.includes("\ufffd")) return ascii;
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Returns a part of the text without blanks and tabs around it. */
function trimmed(text: string, start: number, end: number): string {
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (start < end && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === BLANK || code === TAB;
}

function tooLarge(): UpstreamFault {
  const message = `the head of the response is larger than ${MAX_HEAD_BYTES} bytes`;
  return new UpstreamFault("head-too-large", message);
}
