import { isJsonType } from "../json/is_json_type.ts";
import { type Bytes, joinBytes } from "../core/bytes.ts";
import { endToEndHeaders } from "../http/hop_by_hop.ts";
import { documentOf, jsonBytes } from "../json/json_bytes.ts";

/** What one request of a batch was answered. */
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
/** The byte order mark stays: a text has to give the same bytes again. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * An answer as a member of a batch's. A JSON body stands in it byte for byte; any other body that is
 * UTF-8 is a string, and what is not is base64, and says so in `encoding`. An empty one is null.
 * @param index the request's place, where the answers come in another order than they were asked
 */
export function writeResponse({ status, headers, body }: ItemResponse, index?: number): Bytes {
  const place = index === undefined ? "" : `"index":${index},`;
  const head = `{${place}"status":${status},"headers":${JSON.stringify(namesAndValues(headers))}`;
  const { encoding, json } = bodyOf(body, headers.get("content-type") ?? "");
  const told = encoding === undefined ? "" : `,"encoding":"${encoding}"`;
  return joinBytes([ENCODER.encode(`${head}${told},"body":`), json, ENCODER.encode("}")]);
}

/** The whole answer of a batch, of what {@linkcode writeResponse} wrote. */
export function writeBatch(answers: readonly Bytes[]): Bytes {
  const members = answers.flatMap((answer, index) => index === 0 ? [answer] : [COMMA, answer]);
  return joinBytes([OPEN, ...members, END]);
}

function namesAndValues(headers: Headers): Record<string, string | string[]> {
  const kept = endToEndHeaders(headers);
  const cookies = kept.getSetCookie();
  kept.delete("set-cookie");
  return { ...Object.fromEntries(kept), ...cookies.length > 0 && { "set-cookie": cookies } };
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
    // An upstream's word for it is not enough: what is no JSON would break the whole answer.
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
