import type { Bytes } from "../../core/bytes.ts";
import type { Call } from "../../core/source.ts";
import { EXPECTED_TIMEOUT } from "../expected_timeout.ts";
import type { Origin } from "./origin.ts";

/** Headers about the connection and the framing, which are set here. */
const NOT_SENT: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const TRACEPARENT = "traceparent";

/** Paths that need no encoding, and no resolving of `.` and `..` (RFC 3986 section 3.3). */
const PLAIN_PATH = /^(?:\/(?!\.)[\w\-.~!$&'()*+,;=:@/%?]*)$/;
const DOTTED = /\/\.|%2e/i;
const ENCODER = new TextEncoder();
const [TAB, LF, CR, BLANK, DELETE] = [9, 10, 13, 0x20, 0x7f];

/** What a request's head contains besides the call's headers. */
export interface RequestHeadOptions {
  readonly origin: Origin;
  /** The base path, without a trailing slash. */
  readonly basePath: string;
  /** The length of the body (bytes), `chunked` if unknown, undefined without one. */
  readonly body: number | "chunked" | undefined;
  /** Replaces the call's header. */
  readonly expectedTimeout: string | undefined;
  /** Replaces the call's header. */
  readonly traceparent: string | undefined;
}

/** Writes a request's head (RFC 9112 section 3), one character per byte. */
export function requestHead(
  { method, path, headers }: Call,
  { origin, basePath, body, expectedTimeout, traceparent }: RequestHeadOptions,
): string {
  let head = `${method} ${targetOf(basePath + path)} HTTP/1.1\r\nhost: ${origin.host}\r\n`;
  headers.forEach((value, name) => {
    if (NOT_SENT.has(name)) return;
    if (name === TRACEPARENT && traceparent !== undefined) return;
    if (name === EXPECTED_TIMEOUT && expectedTimeout !== undefined) return;
    head += `${name}: ${value}\r\n`;
  });
  if (expectedTimeout !== undefined) head += `${EXPECTED_TIMEOUT}: ${expectedTimeout}\r\n`;
  if (traceparent !== undefined) head += `${TRACEPARENT}: ${traceparent}\r\n`;
  if (body === "chunked") head += "transfer-encoding: chunked\r\n";
  else if (body !== undefined) head += `content-length: ${body}\r\n`;
  return head + "\r\n";
}

/**
 * Encodes a head into `bytes`, which has room for it. Control characters, which headers cannot
 * contain, become spaces (RFC 9110 section 5.5).
 */
export function encodeHead(head: string, bytes: Bytes): void {
  const { length } = head;
  const { read, written } = ENCODER.encodeInto(head, bytes);
  if (read !== length || written !== length) {
    for (let at = 0; at < length; at++) bytes[at] = head.charCodeAt(at);
  }
  for (let at = 0; at < length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte >= BLANK && byte !== DELETE) continue;
    if (byte !== TAB && byte !== CR && byte !== LF) bytes[at] = BLANK;
  }
}

/** Encodes a path for a request line, as `fetch` does. */
function targetOf(path: string): string {
  if (PLAIN_PATH.test(path) && !DOTTED.test(path)) return path;
  const { pathname, search } = new URL(`http://localhost${path}`);
  return pathname + search;
}
