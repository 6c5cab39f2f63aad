import { Body } from "../core/body.ts";
import { FieldList } from "../core/field_list.ts";
import { type Bytes, joinBytes } from "../core/bytes.ts";
import { type ByteRange, formatContentRange, parseByteRanges } from "../http/byte_ranges.ts";
import { sameStrongValidator } from "./conditional.ts";

/** The response to a range request, from a stored response. */
export interface RangeResponse {
  readonly status: 206 | 416;
  readonly headers: Headers;
  readonly body: Body;
}

const EMPTY = Body.of(new Uint8Array());

/**
 * Serves the requested ranges of a whole stored response (RFC 9110 sections 14.2, 15.3.7). Several come
 * as multipart/byteranges.
 * @param request the client's headers
 * @param headers the stored response's
 * @returns undefined when the client gets the whole
 */
export function rangeResponse(
  request: Headers,
  headers: Headers,
  whole: Bytes,
): RangeResponse | undefined {
  const range = request.get("range");
  if (range === null || !sameStrongValidator(request.get("if-range"), headers)) return undefined;
  const size = whole.length;
  const ranges = parseByteRanges(range, size);
  if (ranges === undefined) return undefined;
  const [first, ...others] = ranges;
  if (first === undefined) return unsatisfiable(headers, size);
  return others.length === 0 ? single(headers, whole, first) : several(headers, whole, ranges);
}

function single(headers: Headers, whole: Bytes, range: ByteRange): RangeResponse {
  const part = whole.subarray(range.first, range.last + 1);
  return partial(headers, part, { "content-range": formatContentRange(range, whole.length) });
}

function several(headers: Headers, whole: Bytes, ranges: readonly ByteRange[]): RangeResponse {
  const boundary = crypto.randomUUID();
  const text = new TextEncoder();
  const type = headers.get("content-type");
  const pieces = ranges.flatMap((range) => [
    text.encode(
      `\r\n--${boundary}\r\n${type === null ? "" : `Content-Type: ${type}\r\n`}` +
        `Content-Range: ${formatContentRange(range, whole.length)}\r\n\r\n`,
    ),
    whole.subarray(range.first, range.last + 1),
  ]);
  const body = joinBytes([...pieces, text.encode(`\r\n--${boundary}--\r\n`)]);
  return partial(headers, body, { "content-type": `multipart/byteranges; boundary=${boundary}` });
}

function partial(headers: Headers, body: Bytes, more: Record<string, string>): RangeResponse {
  const own = new FieldList(headers);
  own.set("content-length", String(body.length));
  for (const [name, value] of Object.entries(more)) own.set(name, value);
  return { status: 206, headers: own, body: Body.of(body) };
}

function unsatisfiable(headers: Headers, size: number): RangeResponse {
  const own = new FieldList(headers);
  for (const name of ["content-type", "content-encoding", "content-language"]) own.delete(name);
  own.set("content-length", "0");
  own.set("content-range", `bytes */${size}`);
  return { status: 416, headers: own, body: EMPTY };
}
