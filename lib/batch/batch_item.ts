import type { BatchItem } from "./batch_request.ts";
import type { Bytes } from "../core/bytes.ts";
import { GatewayError } from "../core/errors.ts";
import { endToEndHeaders } from "../http/hop_by_hop.ts";
import { speaksForClients } from "../http/removed_headers.ts";
import { isJsonType } from "../json/is_json_type.ts";
import { jsonBytes } from "../json/json_bytes.ts";
import { hasDotSegment } from "../http/path.ts";

/** What the requests of a batch have from it. */
export interface Inherited {
  /** `http://host:port` of the batch. */
  readonly origin: string;
  readonly headers: Headers;
  /** The header that trusted proxies say in whom they speak for; in lower case. */
  readonly forwardedHeader: string;
}

/** One request of a batch, as it would have come alone. */
export interface ItemRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  /** Absent when nothing is sent. */
  readonly body?: Bytes;
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** Headers that speak of the batch as a message, or of what its sender keeps of it. */
const BATCH_ALONE = /^(?:accept|content-.*|expect|if-.*|range|x-request-id)$/;

/**
 * Headers that no request of a batch may have of its own: those that say who asks and from where,
 * those of the connection, and those that a browser lets no page set (Fetch standard, section
 * 2.2.2).
 */
const NOT_OWN = new RegExp(
  `^(?:${
    [
      "host|via|x-request-id",
      "connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-length",
      "origin|referer|cookie2?|set-cookie|date|dnt|sec-.*|proxy-.*",
      "access-control-request-.*|accept-charset|accept-encoding",
    ].join("|")
  })$`,
);

const ENCODER = new TextEncoder();

/**
 * What is asked for one request of a batch. Its own headers go before those of the batch.
 * @throws {GatewayError} `bad-request` or `not-implemented`, for what no batch may hold
 */
export function itemRequest(item: BatchItem, inherited: Inherited): ItemRequest {
  const { path, method } = item;
  checkPath(path);
  if (!METHODS.includes(method)) {
    throw new GatewayError("bad-request", `the method must be one of ${METHODS.join(", ")}`);
  }
  const headers = headersOf(item, inherited);
  const url = inherited.origin + path;
  if (item.body === undefined) return { url, method, headers };
  if (method === "GET" || method === "HEAD") {
    throw new GatewayError("not-implemented", `a ${method} request with a body cannot be sent on`);
  }
  const body = bodyOf(item, headers);
  headers.set("content-length", String(body.length));
  return { url, method, headers, body };
}

/** What a URL would tidy up must not get as far as a URL. */
function checkPath(path: string): void {
  if (!/^\/(?!\/)/.test(path)) {
    throw new GatewayError("bad-request", 'the path must begin with one "/"');
  }
  if (!/^[!-~]*$/.test(path) || /[\\#]/.test(path)) {
    throw new GatewayError(
      "bad-request",
      "the path must be percent-encoded, with no backslash and no fragment",
    );
  }
  if (hasDotSegment(path.split("?", 1)[0] ?? "")) {
    throw new GatewayError("bad-request", 'the path must not contain "." or ".." segments');
  }
}

function headersOf({ headers: own }: BatchItem, inherited: Inherited): Headers {
  const headers = endToEndHeaders(inherited.headers);
  for (const name of [...headers.keys()]) if (BATCH_ALONE.test(name)) headers.delete(name);
  headers.set("accept", "application/json");
  for (const [name, value] of own) {
    if (NOT_OWN.test(name) || speaksForClients(name) || name === inherited.forwardedHeader) {
      throw new GatewayError("bad-request", `a request of a batch must not have its own ${name}`);
    }
    headers.set(name, value);
  }
  return headers;
}

/** JSON; a text as it is, where the request says that it is something else. */
function bodyOf({ body }: BatchItem, headers: Headers): Bytes {
  const type = headers.get("content-type");
  if (type === null) headers.set("content-type", "application/json");
  else if (typeof body === "string" && !isJsonType(type)) return ENCODER.encode(body);
  return jsonBytes(body);
}
