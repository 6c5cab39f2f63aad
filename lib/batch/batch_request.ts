import type { Bytes } from "../core/bytes.ts";
import { GatewayError } from "../core/errors.ts";
import { isRecord } from "../core/is_record.ts";
import { ExactNumber } from "../json/exact_number.ts";
import { JsonDocument } from "../json/json_document.ts";

/** One request of a batch, as the client sent it. */
export interface BatchItem {
  /** Path and query, not yet validated. */
  readonly path: string;
  /** Default GET. */
  readonly method: string;
  /** By name, in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** A JSON value; undefined for a request without a body. */
  readonly body: unknown;
}

/** An error in a batch. */
interface Mistake {
  /** A URL fragment with a JSON Pointer to the place. */
  readonly pointer: string;
  readonly detail: string;
}

/** Maximum errors reported: the response to a small batch must not be many times its size. */
const MAX_REPORTED = 50;

const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const KEYS = ["path", "method", "headers", "body"];
const UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Parses the body of a batch.
 * @param max maximum requests
 * @throws {GatewayError} `bad-request`, whose `errors` list every error with a pointer to it (up to
 * 50)
 */
export function readBatch(body: Bytes, max: number): BatchItem[] {
  const mistakes: Mistake[] = [];
  const items = readRequests(parse(body), max, (path, detail) => {
    mistakes.push({ pointer: `#${path.map((key) => `/${escaped(key)}`).join("")}`, detail });
  });
  if (mistakes.length === 0) return items;
  throw new GatewayError("bad-request", "the batch is invalid: see errors", {
    extensions: { errors: mistakes.slice(0, MAX_REPORTED) },
  });
}

type Report = (path: readonly (string | number)[], detail: string) => void;

function parse(body: Bytes): unknown {
  try {
    return new JsonDocument(body, JSON.parse(UTF8.decode(body))).at([]);
  } catch {
    throw new GatewayError("bad-request", "the batch must be JSON");
  }
}

function readRequests(value: unknown, max: number, report: Report): BatchItem[] {
  if (!isObject(value)) {
    report([], 'must be an object such as {"requests": [{"path": "/home/7"}]}');
    return [];
  }
  for (const key of Object.keys(value)) {
    if (key !== "requests") report([key], "is not a known key");
  }
  const { requests } = value;
  if (!Array.isArray(requests) || requests.length === 0) {
    report(["requests"], "must be a list of at least one request");
    return [];
  }
  if (requests.length > max) {
    report(["requests"], `must have at most ${max} requests; got ${requests.length}`);
    return [];
  }
  return requests.map((item: unknown, index) =>
    readItem(item, (path, detail) => report(["requests", index, ...path], detail))
  );
}

function readItem(value: unknown, report: Report): BatchItem {
  const item = isObject(value) ? value : {};
  if (item !== value) report([], 'must be an object such as {"path": "/home/7"}');
  for (const key of Object.keys(item)) if (!KEYS.includes(key)) report([key], "is not a known key");
  const { path, method = "GET", headers = {}, body } = item;
  if (item === value && typeof path !== "string") report(["path"], "must be a string");
  if (typeof method !== "string") report(["method"], "must be a string");
  return {
    path: typeof path === "string" ? path : "",
    method: typeof method === "string" ? method : "",
    headers: readHeaders(headers, report),
    body,
  };
}

function readHeaders(headers: unknown, report: Report): Map<string, string> {
  const read = new Map<string, string>();
  if (!isObject(headers)) {
    report(["headers"], "must be an object of strings");
    return read;
  }
  for (const [name, value] of Object.entries(headers)) {
    const path = ["headers", name];
    if (!TOKEN.test(name)) report(path, "must be a valid header name");
    else if (read.has(name.toLowerCase())) report(path, "must occur only once");
    else if (typeof value !== "string" || !FIELD_VALUE.test(value)) {
      report(path, "must be a valid header value");
    } else read.set(name.toLowerCase(), value);
  }
  return read;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && !(value instanceof ExactNumber);
}

/** RFC 6901 section 3. */
function escaped(key: string | number): string {
  return encodeURIComponent(String(key).toWellFormed().replaceAll("~", "~0").replaceAll("/", "~1"));
}
