import type { Bytes } from "../../core/bytes.ts";
import { FieldList } from "../../core/field_list.ts";
import type { Call } from "../../core/source.ts";
import { EXPECTED_TIMEOUT } from "../expected_timeout.ts";
import type { TraceHeaders } from "../trace_headers.ts";
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
const TRACESTATE = "tracestate";
const REPLACED = [TRACEPARENT, TRACESTATE, EXPECTED_TIMEOUT];

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
  /** Replaces the call's headers. */
  readonly trace: TraceHeaders | undefined;
}

/** A request's head. */
export interface RequestHead {
  /** Its lines up to `shared`, one character per byte. */
  readonly text: string;
  /** Its other lines, encoded: those of many requests. */
  readonly shared: Bytes;
}

/** The end of a head whose headers are not shared. */
const END = ENCODER.encode("\r\n");
/** The lines of headers that are shared by requests, with the end of the head. */
const sharedLines = new WeakMap<FieldList, Bytes>();

/** Writes a request's head (RFC 9112 section 3). */
export function requestHead(
  { method, path, headers }: Call,
  { origin, basePath, body, expectedTimeout, trace }: RequestHeadOptions,
): RequestHead {
  let text = `${method} ${targetOf(basePath + path)} HTTP/1.1\r\nhost: ${origin.host}\r\n`;
  const shared = headers instanceof FieldList && headers.isFrozen ? linesOf(headers) : undefined;
  if (shared === undefined) {
    const fields = headers instanceof FieldList ? headers : new FieldList(headers);
    fields.each((name, value) => {
      if (trace !== undefined && (name === TRACEPARENT || name === TRACESTATE)) return;
      if (name === EXPECTED_TIMEOUT && expectedTimeout !== undefined) return;
      if (!NOT_SENT.has(name)) text += `${name}: ${value}\r\n`;
    });
  }
  if (expectedTimeout !== undefined) text += `${EXPECTED_TIMEOUT}: ${expectedTimeout}\r\n`;
  if (trace !== undefined) {
    text += `${TRACEPARENT}: ${trace.traceparent}\r\n`;
    if (trace.tracestate !== undefined) text += `${TRACESTATE}: ${trace.tracestate}\r\n`;
  }
  if (body === "chunked") text += "transfer-encoding: chunked\r\n";
  else if (body !== undefined) text += `content-length: ${body}\r\n`;
  return { text, shared: shared ?? END };
}

/** Undefined if a header in them may be replaced. */
function linesOf(headers: FieldList): Bytes | undefined {
  const known = sharedLines.get(headers);
  if (known || REPLACED.some((name) => headers.has(name))) return known;
  let text = "";
  headers.forEach((value, name) => {
    if (!NOT_SENT.has(name)) text += `${name}: ${value}\r\n`;
  });
  const lines = new Uint8Array(text.length + END.length);
  encodeText(text, lines);
  lines.set(END, text.length);
  sharedLines.set(headers, lines);
  return lines;
}

/** The length of an encoded head. */
export function headLength({ text, shared }: RequestHead): number {
  return text.length + shared.length;
}

/** Encodes a head into `bytes`, which has room for it. */
export function encodeHead({ text, shared }: RequestHead, bytes: Bytes): void {
  encodeText(text, bytes);
  bytes.set(shared, text.length);
}

/**
 * Encodes lines, one character per byte. Control characters, which headers cannot contain, become
 * spaces (RFC 9110 section 5.5).
 */
function encodeText(text: string, bytes: Bytes): void {
  const { length } = text;
  const { read, written } = ENCODER.encodeInto(text, bytes);
  if (read !== length || written !== length) {
    for (let at = 0; at < length; at++) bytes[at] = text.charCodeAt(at);
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
