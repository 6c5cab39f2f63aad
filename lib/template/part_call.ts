import { Body } from "../core/body.ts";
import type { Bytes } from "../core/bytes.ts";
import type { HeaderKey } from "../http/header_key.ts";
import { isTraceparent } from "../http/traceparent.ts";
import type { Inputs } from "./inputs.ts";
import type { Call } from "../core/source.ts";
import type { PathTemplate, Template } from "./template.ts";

/** A part's question before the client's values are in it. */
export interface CallTemplate {
  readonly method: string;
  readonly path: PathTemplate;
  /** Whether the client's query goes with it, but for what the part says itself. */
  readonly passesQuery: boolean;
  /** Query parameters, added to those of the path. */
  readonly params: Readonly<Record<string, Template<string[]>>>;
  readonly headers: Readonly<Record<string, Template<string[]>>>;
  /** Sent as JSON. */
  readonly body: Template<unknown> | undefined;
  /** The parts that the function which maps the answer is told of; empty without one. */
  readonly mapped: readonly string[];
  /** What is sent besides `headers`, unless they say otherwise. */
  readonly ownHeaders: Readonly<Record<string, string>>;
  /** Tells its calls apart; absent when nobody stores the responses. */
  readonly headerKey?: HeaderKey | undefined;
  /** Whether an Authorization is the gateway's own (default false). */
  readonly hasOwnAuthorization?: boolean;
}

/** The only headers of a client that every part sends on. */
const SENT_ON = ["accept-language", "traceparent"] as const;
/** What a header's value may not hold (RFC 9110 section 5.5). */
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/;
const ENCODER = new TextEncoder();
const NOTHING: Bytes = new Uint8Array();
/** What may stand in a query as it came; `;` is kept out because some servers part pairs at it. */
const UNSAFE = /%(?![0-9a-f]{2})|[^\w\-.~!$&'()*+,=:@/?%[\]{}|^`\\]/giu;

/**
 * Makes a part's question of what the client asked, and of what other parts answered.
 * @throws {GatewayError} `bad-request` when what the client sent cannot be used, `input-invalid`
 * when what a part answered cannot
 */
export function expandCall(template: CallTemplate, inputs: Inputs): Call {
  const { method, body } = template;
  const ownPath = withParams(template.path.expand(inputs), template.params, inputs);
  const path = template.passesQuery ? withQuery(ownPath, template, inputs.rawQuery) : ownPath;
  const headers = headersOf(template, inputs);
  const { headerKey, hasOwnAuthorization = false } = template;
  const call = {
    method,
    path,
    headers,
    hasOwnAuthorization,
    ...(headerKey && { headerKey: headerKey.of(headers) }),
    ...partsOf(template, inputs),
  };
  if (body === undefined) return call;
  if (!headers.has("content-type")) headers.set("content-type", "application/json");
  const text = JSON.stringify(body.expand(inputs)) ?? "null";
  return { ...call, body: Body.of(ENCODER.encode(text)) };
}

function partsOf({ mapped }: CallTemplate, { outputs }: Inputs): Pick<Call, "parts"> {
  if (mapped.length === 0) return {};
  return {
    parts: Object.fromEntries(mapped.map((name) => [name, outputs.get(name)?.bytes ?? NOTHING])),
  };
}

function headersOf({ ownHeaders, headers }: CallTemplate, inputs: Inputs): Headers {
  const sent = new Headers(ownHeaders);
  for (const name of SENT_ON) {
    const value = inputs.call.headers.get(name);
    if (value === null || (name === "traceparent" && !isTraceparent(value))) continue;
    sent.set(name, value);
  }
  for (const [name, template] of Object.entries(headers)) {
    sent.delete(name);
    for (const value of template.expand(inputs)) {
      if (UNSENDABLE.test(value)) throw inputs.fault(`${name}: cannot be sent as a header`);
      sent.append(name, value);
    }
  }
  return sent;
}

function withParams(path: string, params: CallTemplate["params"], inputs: Inputs): string {
  let written = path;
  for (const [name, template] of Object.entries(params)) {
    for (const value of template.expand(inputs)) {
      const separator = written.includes("?") ? "&" : "?";
      written += `${separator}${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
    }
  }
  return written;
}

/**
 * The pairs of the client's query, behind the part's own and in their order, as they were written
 * wherever that is safe. One that has the name of the part's own is left out, also where the part's
 * has no value: nobody can add to what the part asks.
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
  const written = pairs.join("&").toWellFormed().replace(UNSAFE, encodeURIComponent);
  return `${path}${start < 0 ? "?" : "&"}${written}`;
}
