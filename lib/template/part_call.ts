import { Body } from "../core/body.ts";
import type { Bytes } from "../core/bytes.ts";
import { contentKey } from "../core/content_key.ts";
import { FieldList } from "../core/field_list.ts";
import type { HeaderKey } from "../http/header_key.ts";
import type { Inputs } from "./inputs.ts";
import { isSendable } from "./is_sendable.ts";
import type { Call } from "../core/source.ts";
import type { PathTemplate, Template } from "./template.ts";

/** The template of a part's call. */
export interface CallTemplate {
  readonly method: string;
  /** Whether its calls change nothing, whatever the method (default false). */
  readonly isSafe?: boolean;
  readonly path: PathTemplate;
  /** Whether the client's query is appended, without the parameters that the part sets itself. */
  readonly passesQuery: boolean;
  /** Query parameters, appended to those of the path. */
  readonly params: Readonly<Record<string, Template<string[]>>>;
  readonly headers: Readonly<Record<string, Template<string[]>>>;
  /** Sent as JSON. */
  readonly body: Template<unknown> | undefined;
  /** The parts whose results the `map` function receives; empty without one. */
  readonly mapped: readonly string[];
  /** Default headers; `headers` override them. */
  readonly ownHeaders: FieldList;
  /** Derives the cache key from the headers; absent when responses are not cached. */
  readonly headerKey?: HeaderKey | undefined;
  /** Whether the Authorization header is the gateway's own (default false). */
  readonly hasOwnAuthorization?: boolean;
}

const ENCODER = new TextEncoder();
const NOTHING: Bytes = new Uint8Array();
/** What must be encoded in a client's query. `;` is, because some servers split pairs at it. */
const UNSAFE = /%(?![0-9a-f]{2})|[^\w\-.~!$&'()*+,=:@/?%[\]{}|^`\\]/giu;

/**
 * Makes a part's call from the client's request and the results of other parts.
 * @throws {GatewayError} `bad-request` for an unusable value of the client's, `input-invalid` for one
 * of a part's
 */
export function expandCall(template: CallTemplate, inputs: Inputs): Call {
  const { method, body } = template;
  const ownPath = withParams(template.path.expand(inputs), template.params, inputs);
  const path = template.passesQuery ? withQuery(ownPath, template, inputs.rawQuery) : ownPath;
  const headers = headersOf(template, inputs);
  const { headerKey, hasOwnAuthorization = false } = template;
  const call: { -readonly [key in keyof Call]: Call[key] } = {
    method,
    path,
    headers,
    hasOwnAuthorization,
  };
  if (headerKey) call.headerKey = headerKey.of(headers);
  if (template.mapped.length > 0) call.parts = partsOf(template, inputs);
  if (template.isSafe) call.isSafe = true;
  const content = body && ENCODER.encode(JSON.stringify(body.expand(inputs)) ?? "null");
  if (content) {
    if (!headers.has("content-type")) {
      call.headers = new FieldList(headers);
      call.headers.set("content-type", "application/json");
    }
    call.body = Body.of(content);
  }
  if (template.isSafe || method === "QUERY") {
    call.contentKey = contentKey(method, call.headers, content ?? NOTHING);
  }
  return call;
}

function partsOf({ mapped }: CallTemplate, { outputs }: Inputs): NonNullable<Call["parts"]> {
  return Object.fromEntries(mapped.map((name) => [name, outputs.get(name)?.bytes ?? NOTHING]));
}

/** The template's own list, shared by all of its calls, unless a header depends on the request. */
function headersOf({ ownHeaders, headers }: CallTemplate, inputs: Inputs): FieldList {
  let expanded = ownHeaders;
  // The only client header that every part forwards.
  const language = inputs.call.headers.get("accept-language");
  if (language !== null) {
    expanded = new FieldList(ownHeaders);
    expanded.set("accept-language", language);
  }
  for (const name in headers) {
    if (expanded === ownHeaders) expanded = new FieldList(ownHeaders);
    expanded.delete(name);
    for (const value of headers[name]?.expand(inputs) ?? []) {
      if (!isSendable(value)) throw inputs.fault(`${name}: cannot be sent as a header`);
      expanded.append(name, value);
    }
  }
  return expanded;
}

function withParams(path: string, params: CallTemplate["params"], inputs: Inputs): string {
  let extended = path;
  for (const name in params) {
    for (const value of params[name]?.expand(inputs) ?? []) {
      const separator = extended.includes("?") ? "&" : "?";
      extended += `${separator}${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
    }
  }
  return extended;
}

/**
 * Appends the client's query, in its order and not re-encoded wherever that is safe. A parameter that
 * the part sets itself is dropped, even when the part's has no value: a client must not be able to
 * add to the part's own parameters.
 */
function withQuery(path: string, template: CallTemplate, rawQuery: string): string {
  const start = path.indexOf("?");
  const own = new Set([
    ...new URLSearchParams(start < 0 ? "" : path.slice(start)).keys(),
    ...Object.keys(template.params),
    ...template.path.params,
  ]);
  const isClients = (pair: string) =>
    own.size === 0 || ![...new URLSearchParams(`&${pair}`).keys()].some((name) => own.has(name));
  const pairs = rawQuery.split("&").filter((pair) => pair !== "" && isClients(pair));
  if (pairs.length === 0) return path;
  const query = pairs.join("&").toWellFormed().replace(UNSAFE, encodeURIComponent);
  return `${path}${start < 0 ? "?" : "&"}${query}`;
}
