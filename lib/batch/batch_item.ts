import type { BatchItem } from "./batch_request.ts";
import type { Bytes } from "../core/bytes.ts";
import { GatewayError } from "../core/errors.ts";
import { endToEndHeaders } from "../http/hop_by_hop.ts";
import { speaksForClients } from "../http/removed_headers.ts";
import { isJsonType } from "../json/is_json_type.ts";
import { jsonBytes } from "../json/json_bytes.ts";
import { hasDotSegment } from "../http/path.ts";

/** What the requests of a batch inherit from it. */
export interface Inherited {
  /** `http://host:port` of the batch. */
  readonly origin: string;
  readonly headers: Headers;
  /** The header in which trusted proxies name the client's address; in lower case. */
  readonly forwardedHeader: string;
}

/** One request of a batch, equivalent to a request sent alone. */
export interface ItemRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  /** Absent for a request without a body. */
  readonly body?: Bytes;
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "QUERY", "OPTIONS"];

/** Headers about the batch itself, as a message or as a cached resource; not inherited. */
const BATCH_ALONE = /^(?:accept|content-.*|expect|if-.*|range|x-request-id)$/;

/**
 * Headers that a request of a batch must not set: those that identify the client, those of the
 * connection, and those that browsers forbid pages to set (Fetch standard, section 2.2.2).
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
 * Makes one request of a batch. Its own headers override those of the batch.
 * @throws {GatewayError} `bad-request` or `not-implemented`, for what a batch must not contain
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
    throw new GatewayError("not-implemented", `a ${method} request with a body is not supported`);
  }
  const body = bodyOf(item, headers);
  headers.set("content-length", String(body.length));
  return { url, method, headers, body };
}

/** Refuses what the URL parser would silently normalize. */
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
  // It belongs to the batch's traceparent.
  if (own.has("traceparent")) headers.delete("tracestate");
  for (const [name, value] of own) {
    if (NOT_OWN.test(name) || speaksForClients(name) || name === inherited.forwardedHeader) {
      throw new GatewayError("bad-request", `a request of a batch must not have its own ${name}`);
    }
    headers.set(name, value);
  }
  return headers;
}

/** The body as JSON; a string unchanged when the request's content type is not JSON. */
function bodyOf({ body }: BatchItem, headers: Headers): Bytes {
  const type = headers.get("content-type");
  if (type === null) headers.set("content-type", "application/json");
  else if (typeof body === "string" && !isJsonType(type)) return ENCODER.encode(body);
  return jsonBytes(body);
}
