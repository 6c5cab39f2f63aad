import { UpstreamFault } from "../../core/upstream_fault.ts";

/** How a body ends: after a number of bytes, with its last chunk, or with the connection. */
export type BodyEnd = number | "chunked" | "close";

/** What a response says about its framing, beside its headers. */
export interface FramingContext {
  readonly status: number;
  /** The method of the request: a response to HEAD has no body. */
  readonly method: string;
  /** Whether the version is HTTP/1.0. */
  readonly isOld: boolean;
}

/** One length, or several equal ones; not `trim`, which removes more than blanks and tabs. */
const LENGTH = /^(\d{1,15})(?:[\t ]*,[\t ]*\1)*$/;
const CANONICAL = /^(?:0|[1-9]\d{0,14})$/;
const LENGTH_NAME = "content-length";
const CLOSE = /(?:^|,)[\t ]*close[\t ]*(?:,|$)/i;
const KEEP_ALIVE = /(?:^|,)[\t ]*keep-alive[\t ]*(?:,|$)/i;
const TIMEOUT = /(?:^|[,\s])timeout\s*=\s*"?(\d+)/i;

/**
 * Determines where a response's body ends, and how long its connection may be idle afterwards (ms).
 * Only a single, valid Content-Length that applies is left in the fields.
 * @param fields names in lower case and values, alternating
 * @throws {UpstreamFault} `malformed`
 */
export function framingOf(
  fields: string[],
  { status, method, isOld }: FramingContext,
): { bodyEnd: BodyEnd; idleMs: number } {
  const coding = valueOf("transfer-encoding", fields);
  const length = takeLength(fields, status >= 200 && status !== 204);
  // RFC 9112 section 6.1: two framings in one response are how responses are smuggled.
  if (coding !== undefined && length !== undefined) {
    throw malformed("it has both a length and a coding");
  }
  if (coding !== undefined && (isOld || coding.toLowerCase() !== "chunked")) {
    throw malformed("its transfer coding is not chunked");
  }
  const hasBody = method !== "HEAD" && status >= 200 && status !== 204 && status !== 304;
  const bodyEnd = !hasBody ? 0 : coding === undefined ? length ?? "close" : "chunked";
  return { bodyEnd, idleMs: bodyEnd === "close" ? 0 : idleMsOf(fields, isOld) };
}

/** Returns the fault for a malformed head. */
export function malformed(what: string): UpstreamFault {
  return new UpstreamFault("malformed", `the response is malformed: ${what}`);
}

/** Returns a field's value; the values of several fields are joined (RFC 9110 section 5.3). */
function valueOf(name: string, fields: readonly string[]): string | undefined {
  let joined: string | undefined;
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at] !== name) continue;
    const value = fields[at + 1] ?? "";
    joined = joined === undefined ? value : `${joined}, ${value}`;
  }
  return joined;
}

/** Returns the length; only one valid Content-Length that applies to the response is left. */
function takeLength(fields: string[], applies: boolean): number | undefined {
  const value = valueOf(LENGTH_NAME, fields);
  if (value === undefined) return undefined;
  if (applies && CANONICAL.test(value)) return Number(value);
  const [, digits] = LENGTH.exec(value) ?? [];
  // RFC 9110 section 8.6: repeated equal lengths are valid, anything else is not.
  if (digits === undefined) throw malformed("an invalid Content-Length");
  const length = Number(digits);
  for (let at = fields.length - 2; at >= 0; at -= 2) {
    if (fields[at] === LENGTH_NAME) fields.splice(at, 2);
  }
  if (applies) fields.push(LENGTH_NAME, String(length));
  return length;
}

function idleMsOf(fields: readonly string[], isOld: boolean): number {
  const options = valueOf("connection", fields) ?? "";
  if (CLOSE.test(options) || (isOld && !KEEP_ALIVE.test(options))) return 0;
  const seconds = TIMEOUT.exec(valueOf("keep-alive", fields) ?? "")?.[1];
  // One second less than announced, for the time that a request is in transit.
  return seconds === undefined ? Infinity : Math.max(0, Number(seconds) - 1) * 1000;
}
