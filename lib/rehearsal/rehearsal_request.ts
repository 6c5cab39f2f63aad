import * as v from "valibot";
import type { RouteSettings } from "../config/route.ts";
import { suggest } from "../config/suggest.ts";
import { GatewayError } from "../core/errors.ts";
import { isSafe } from "../core/is_safe.ts";
import type { Caller } from "../upstream/sources.ts";
import { type Fault, faultSchema } from "./fault.ts";

const text = v.union([v.string(), v.number(), v.boolean()], "must be a text or a number");
const REQUEST_RULE = "request must have path or params, and may have method, query, headers, body";

/** The schema of the body of a rehearsal. */
export const rehearsalSchema = v.strictObject(
  {
    /** The route's key, or a request that it handles. */
    route: v.string("route must be a route such as GET /home/:id"),
    request: v.optional(
      v.strictObject({
        path: v.optional(v.pipe(v.string(), v.startsWith("/", "request.path must start with /"))),
        params: v.optional(v.record(v.string(), text)),
        method: v.optional(v.picklist(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "QUERY"])),
        query: v.optional(v.record(v.string(), v.union([text, v.array(text)])), {}),
        headers: v.optional(v.record(v.string(), v.string()), {}),
        body: v.optional(v.unknown()),
      }, REQUEST_RULE),
      {},
    ),
    faults: v.optional(v.record(v.string(), faultSchema), {}),
    /** Whether calls with unsafe methods, which may change data, are really made. */
    allowUnsafe: v.optional(v.boolean("allowUnsafe must be true or false"), false),
  },
  'the body must be an object such as {"route": "GET /home/:id", "request": {"params": {"id": "7"}}, "faults": {"orders": "timeout"}}',
);

/** What an operator asks for. */
export type RehearsalRequest = v.InferOutput<typeof rehearsalSchema>;

const ENCODER = new TextEncoder();

/**
 * Returns the faults of a rehearsal by the names of parts and upstreams.
 * @throws {GatewayError} `bad-request` for a name that is neither in this route
 */
export function faultsOf(
  { faults }: RehearsalRequest,
  route: RouteSettings,
): ReadonlyMap<string, Fault> {
  const known = new Set(
    callersOf(route).flatMap(({ part, upstream }) => [part ?? [], upstream]).flat(),
  );
  for (const name of Object.keys(faults)) {
    if (known.has(name)) continue;
    const hint = suggest(name, [...known]);
    throw new GatewayError(
      "bad-request",
      `faults: "${name}" is neither a part nor an upstream of ${route.key}${hint}`,
    );
  }
  return new Map(Object.entries(faults));
}

/** Returns what calls an upstream in a route. */
export function callersOf(route: RouteSettings): Caller[] {
  if ("max" in route) return [];
  if ("to" in route) return [{ part: undefined, upstream: route.to.name }];
  return route.parts.filter(({ upstream }) => !("isStatic" in upstream))
    .map(({ name, upstream }) => ({ part: name, upstream: upstream.name }));
}

/**
 * Refuses calls that may change data, unless the operator wants them.
 * @param method the request's own
 * @throws {GatewayError} `bad-request` that names them
 */
export function refuseUnsafe(
  { allowUnsafe }: RehearsalRequest,
  route: RouteSettings,
  method: string,
): void {
  if (allowUnsafe) return;
  const unsafe = [
    ...isSafe({ method }) ? [] : [`${method} of the request`],
    ..."parts" in route
      ? route.parts.filter((part) => !isSafe(part))
        .map(({ method, name }) => `${method} of ${name}`)
      : [],
  ];
  if (unsafe.length === 0) return;
  throw new GatewayError(
    "bad-request",
    `the rehearsal really calls upstreams, and may change data: ${unsafe.join(", ")}; ` +
      'add "allowUnsafe": true if it may',
  );
}

/**
 * Makes the client's request.
 * @param origin `http://host:port` of the gateway
 * @throws {GatewayError} `bad-request`
 */
export function requestOf(
  { request: { path, params, method: chosen, query, headers: written, body } }: RehearsalRequest,
  route: RouteSettings,
  origin: string,
): {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body?: Uint8Array<ArrayBuffer>;
} {
  if (path !== undefined && params !== undefined) {
    throw invalid("request: path or params, not both");
  }
  const method = chosen ?? (route.method === "ANY" ? "GET" : route.method);
  const url = URL.parse(origin + (path ?? filled(route, params ?? {})));
  if (url === null) throw invalid("request.path must be a path and a query");
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) url.searchParams.append(name, String(one));
  }
  const headers = headersOf(written);
  if (body === undefined) return { url: url.href, method, headers };
  if (isSafe({ method }) && method !== "QUERY") {
    throw invalid(`request.body: a ${method} request must not have one`);
  }
  if (!headers.has("content-type")) headers.set("content-type", "application/json");
  const isText = typeof body === "string" && !/\bjson\b/i.test(headers.get("content-type") ?? "");
  const bytes = ENCODER.encode(isText ? body : JSON.stringify(body));
  headers.set("content-length", String(bytes.length));
  return { url: url.href, method, headers, body: bytes };
}

/** Fills the parameters into a route's path. */
function filled({ key, path }: RouteSettings, params: Readonly<Record<string, unknown>>): string {
  const names = path.split("/").flatMap((segment) =>
    segment.startsWith(":") ? [segment.slice(1)] : []
  );
  for (const name of Object.keys(params)) {
    if (!names.includes(name)) {
      throw invalid(`request.params: "${name}" is no parameter of ${key}${suggest(name, names)}`);
    }
  }
  if (path.endsWith("*")) throw invalid(`request.path is required: ${key} has a wildcard`);
  return path.replaceAll(/:(\w+)/g, (_, name: string) => {
    if (params[name] === undefined) throw invalid(`request.params: "${name}" is required`);
    return encodeURIComponent(String(params[name]));
  });
}

function headersOf(written: Readonly<Record<string, string>>): Headers {
  try {
    return new Headers(written);
  } catch {
    throw invalid("request.headers must be names and values of headers");
  }
}

function invalid(detail: string): GatewayError {
  return new GatewayError("bad-request", detail);
}
