import * as v from "valibot";
import { Body } from "../core/body.ts";
import { FieldList } from "../core/field_list.ts";
import { type Bytes, joinBytes } from "../core/bytes.ts";
import type { CacheEntry } from "./entry.ts";
import { selectionKey, varyNames } from "./variants.ts";

/** A response without its body: the JSON before it. */
const headSchema = v.object({
  status: v.pipe(v.number(), v.safeInteger(), v.minValue(200), v.maxValue(599)),
  headers: v.array(v.tuple([v.string(), v.string()])),
  requestedAt: v.number(),
  receivedAt: v.number(),
  url: v.string(),
  isAuthorized: v.boolean(),
});
type Head = v.InferOutput<typeof headSchema>;

/**
 * Serializes a response: the length of its head, the head, the body. Without the request headers that
 * selected it, which may be a Cookie: a request that reads it has the same.
 */
export async function bytesOf(entry: CacheEntry): Promise<Bytes> {
  const { status, headers, requestedAt, receivedAt, url, isAuthorized } = entry;
  const facts = { status, requestedAt, receivedAt, url, isAuthorized };
  const head: Head = { ...facts, headers: [...headers] };
  const json = new TextEncoder().encode(JSON.stringify(head));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, json.length);
  return joinBytes([length, json, await entry.body.bytes(Infinity)]);
}

/** Reads what `bytesOf` wrote; undefined for anything else. */
export function entryOf(bytes: Bytes, request: Headers): CacheEntry | undefined {
  try {
    const bodyAt = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    const json = new TextDecoder().decode(bytes.subarray(4, bodyAt));
    const { headers: lines, ...facts } = v.parse(headSchema, JSON.parse(json));
    const headers = new FieldList(lines);
    const selection = selectionKey(varyNames(headers), request);
    return { ...facts, headers, selection, body: Body.of(bytes.subarray(bodyAt)) };
  } catch {
    return undefined;
  }
}
