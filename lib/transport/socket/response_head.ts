import { UpstreamFault } from "../../core/upstream_fault.ts";

/** How a body ends: after a number of bytes, with its last chunk, or with the connection. */
export type BodyEnd = number | "chunked" | "close";

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

const CR = 13;
const LF = 10;
const PREFIX = [..."HTTP/1."].map((character) => character.charCodeAt(0));
const ASCII = new TextDecoder();
const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3})(?: .*)?$/;
const NAME = /^[!#$%&'*+.^_`|~\w-]+$/;
/** One length, or several equal ones; not `trim`, which removes more than blanks and tabs. */
const LENGTH = /^(\d{1,15})(?:[\t ]*,[\t ]*\1)*$/;
/** Characters that a head must not contain, besides CR LF (RFC 9110 section 5.5). */
const FORBIDDEN = /[^\t\r\n\x20-\x7e\x80-\xff]/;

/**
 * Finds the end of the head that begins at `start`: the index after its empty line; -1 if more must
 * be read. Data that cannot be an HTTP/1 response is rejected before its end has arrived.
 * @param from where the last search ended
 * @throws {UpstreamFault} `malformed`, `head-too-large`
 */
export function findHeadEnd(bytes: Uint8Array, start: number, from: number, end: number): number {
  for (let at = start; at < end && at - start < PREFIX.length; at++) {
    if (bytes[at] !== PREFIX[at - start]) throw malformed("it does not begin with HTTP/1");
  }
  for (let at = from; at < end; at++) {
    if (bytes[at] !== LF) {
      // Only a CR at the last byte read may still be followed by LF.
      if (at > start && bytes[at - 1] === CR) throw malformed("a CR without LF in its head");
      continue;
    }
    if (at === start || bytes[at - 1] !== CR) throw malformed("an LF without CR in its head");
    if (bytes[at - 2] === LF && at - 2 > start) {
      if (at + 1 - start > MAX_HEAD_BYTES) throw tooLarge();
      return at + 1;
    }
  }
  if (end - start > MAX_HEAD_BYTES) throw tooLarge();
  return -1;
}

/**
 * Parses a head whose end {@linkcode findHeadEnd} has found.
 * @param method of the request: a response to HEAD has no body
 * @throws {UpstreamFault} `malformed`
 */
export function parseResponseHead(bytes: Uint8Array, method: string): ResponseHead {
  const text = latin1(bytes);
  if (FORBIDDEN.test(text)) throw malformed("a control character in its head");
  let lineEnd = text.indexOf("\r\n");
  const [, minor, digits] = STATUS_LINE.exec(text.slice(0, lineEnd)) ?? [];
  if (digits === undefined) throw malformed("an invalid status line");
  const status = Number(digits);
  const headers = new Headers();
  for (let at = lineEnd + 2; at < text.length - 2; at = lineEnd + 2) {
    lineEnd = text.indexOf("\r\n", at);
    const colon = text.indexOf(":", at);
    const name = text.slice(at, colon);
    if (colon < 0 || colon > lineEnd || !NAME.test(name)) throw malformed("an invalid header");
    headers.append(name, text.slice(colon + 1, lineEnd));
  }
  if (status === 101) throw malformed("it switches protocols without a request");
  if (status < 100 || status > 599) throw malformed(`its status is ${status}`);
  return { status, headers, ...framingOf(status, headers, method, minor === "0") };
}

function framingOf(
  status: number,
  headers: Headers,
  method: string,
  isOld: boolean,
): Pick<ResponseHead, "bodyEnd" | "idleMs"> {
  const coding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  // RFC 9112 section 6.1: two framings in one response are how responses are smuggled.
  if (coding !== null && length !== null) throw malformed("it has both a length and a coding");
  if (coding !== null && (isOld || coding.toLowerCase() !== "chunked")) {
    throw malformed("its transfer coding is not chunked");
  }
  const bytes = length === null ? undefined : lengthOf(length);
  if (bytes !== undefined) headers.set("content-length", String(bytes));
  if (status < 200 || status === 204) headers.delete("content-length");
  const hasBody = method !== "HEAD" && status >= 200 && status !== 204 && status !== 304;
  const bodyEnd = hasBody ? coding === null ? bytes ?? "close" : "chunked" : 0;
  return { bodyEnd, idleMs: bodyEnd === "close" ? 0 : idleMsOf(headers, isOld) };
}

/** RFC 9110 section 8.6: repeated equal lengths are valid, anything else is not. */
function lengthOf(value: string): number {
  const [, length] = LENGTH.exec(value) ?? [];
  if (length === undefined) throw malformed("an invalid Content-Length");
  return Number(length);
}

function idleMsOf(headers: Headers, isOld: boolean): number {
  const options = headers.get("connection")?.toLowerCase().split(",").map((one) => one.trim()) ??
    [];
  if (options.includes("close") || (isOld && !options.includes("keep-alive"))) return 0;
  const seconds = /(?:^|[,\s])timeout\s*=\s*"?(\d+)/i.exec(headers.get("keep-alive") ?? "")?.[1];
  // One second less than announced, for the time that a request is in transit.
  return seconds === undefined ? Infinity : Math.max(0, Number(seconds) - 1) * 1000;
}

/** Decodes one character per byte (TextDecoder's latin1 is windows-1252). */
function latin1(bytes: Uint8Array): string {
  let at = 0;
  while (at < bytes.length && (bytes[at] ?? 0) < 0x80) at++;
  if (at === bytes.length) return ASCII.decode(bytes);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function malformed(what: string): UpstreamFault {
  return new UpstreamFault("malformed", `the response is malformed: ${what}`);
}

function tooLarge(): UpstreamFault {
  const message = `the head of the response is larger than ${MAX_HEAD_BYTES} bytes`;
  return new UpstreamFault("head-too-large", message);
}
