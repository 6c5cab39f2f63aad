import type { Call } from "../../core/source.ts";
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

/** Paths that need no encoding, and no resolving of `.` and `..` (RFC 3986 section 3.3). */
const PLAIN_PATH = /^(?:\/(?!\.)[\w\-.~!$&'()*+,;=:@/%?]*)$/;
const DOTTED = /\/\.|%2e/i;
const BEYOND_ASCII = /[^\t\r\n\x20-\x7e]/;
const ENCODER = new TextEncoder();

/** What a request's head contains besides the call's headers. */
export interface RequestHeadOptions {
  readonly origin: Origin;
  /** The base path, without a trailing slash. */
  readonly basePath: string;
  /** The length of the body (bytes), `chunked` if unknown, undefined without one. */
  readonly body: number | "chunked" | undefined;
  /** Additional headers. */
  readonly extra: Readonly<Record<string, string>>;
}

/** Encodes a request's head (RFC 9112 section 3); header values are one byte per character. */
export function requestHead(
  { method, path, headers }: Call,
  { origin, basePath, body, extra }: RequestHeadOptions,
): Uint8Array<ArrayBuffer> {
  let head = `${method} ${targetOf(basePath + path)} HTTP/1.1\r\nhost: ${origin.host}\r\n`;
  headers.forEach((value, name) => {
    if (!NOT_SENT.has(name) && !Object.hasOwn(extra, name)) head += `${name}: ${value}\r\n`;
  });
  for (const [name, value] of Object.entries(extra)) head += `${name}: ${value}\r\n`;
  if (body === "chunked") head += "transfer-encoding: chunked\r\n";
  else if (body !== undefined) head += `content-length: ${body}\r\n`;
  head += "\r\n";
  return BEYOND_ASCII.test(head) ? latin1(head) : ENCODER.encode(head);
}

/** Encodes a path for a request line, as `fetch` does. */
function targetOf(path: string): string {
  if (PLAIN_PATH.test(path) && !DOTTED.test(path)) return path;
  const { pathname, search } = new URL(`http://localhost${path}`);
  return pathname + search;
}

/** Replaces control characters, which headers cannot contain, by spaces (RFC 9110 section 5.5). */
function latin1(head: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(head.length);
  for (let at = 0; at < head.length; at++) {
    const code = head.charCodeAt(at);
    const isLineEnd = code === 13 || code === 10;
    bytes[at] = (code < 0x20 && code !== 9 && !isLineEnd) || code === 0x7f ? 0x20 : code;
  }
  return bytes;
}
