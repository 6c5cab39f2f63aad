import { isJsonType } from "../json/is_json_type.ts";
import { type Bytes, joinBytes } from "../core/bytes.ts";
import { endToEndHeaders } from "../http/hop_by_hop.ts";
import { documentOf, jsonBytes } from "../json/json_bytes.ts";

/** The response to one request of a batch. */
export interface ItemResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Empty rather than absent. */
  readonly body: Bytes;
}

const ENCODER = new TextEncoder();
const OPEN = ENCODER.encode('{"responses":[');
const COMMA = ENCODER.encode(",");
const END = ENCODER.encode("]}");
/** Preserves the byte order mark: the string must encode to the same bytes again. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Writes one response as an item of the batch's. A JSON body is embedded byte for byte; any other
 * UTF-8 body is a string; anything else is base64, with `"encoding": "base64"`; an empty body is null.
 * @param index the request's index, for responses that are streamed in the order of completion
 */
export function writeResponse({ status, headers, body }: ItemResponse, index?: number): Bytes {
  const place = index === undefined ? "" : `"index":${index},`;
  const head = `{${place}"status":${status},"headers":${JSON.stringify(namesAndValues(headers))}`;
  const { encoding, json } = bodyOf(body, headers.get("content-type") ?? "");
  const encodingMember = encoding === undefined ? "" : `,"encoding":"${encoding}"`;
  return joinBytes([ENCODER.encode(`${head}${encodingMember},"body":`), json, ENCODER.encode("}")]);
}

/** Writes the body of a batch's response, from items that {@linkcode writeResponse} wrote. */
export function writeBatch(items: readonly Bytes[]): Bytes {
  const members = items.flatMap((item, index) => index === 0 ? [item] : [COMMA, item]);
  return joinBytes([OPEN, ...members, END]);
}

function namesAndValues(headers: Headers): Record<string, string | string[]> {
  const endToEnd = endToEndHeaders(headers);
  const cookies = endToEnd.getSetCookie();
  endToEnd.delete("set-cookie");
  return { ...Object.fromEntries(endToEnd), ...cookies.length > 0 && { "set-cookie": cookies } };
}

function bodyOf(body: Bytes, mediaType: string): { json: Bytes; encoding?: "base64" } {
  if (body.length === 0) return { json: documentOf(body) };
  let text: string;
  try {
    text = UTF8.decode(body);
  } catch {
    return { json: jsonBytes(body.toBase64()), encoding: "base64" };
  }
  if (isJsonType(mediaType)) {
    const document = documentOf(body);
    // The content type alone is not trusted: invalid JSON would break the whole batch.
    if (isJson(document === body ? text : text.slice(1))) return { json: document };
  }
  return { json: jsonBytes(text) };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
