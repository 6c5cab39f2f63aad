import * as v from "valibot";
import type { Source } from "../source.ts";
import { type Json, parsePathTemplate, parseValueTemplate, TemplateError } from "../template.ts";
import { parseRange } from "../address.ts";
import { suggest } from "./suggest.ts";
import { parseRate } from "./rates.ts";
import { parseDuration, parseSize } from "./units.ts";

// The shape of a config, each rule beside its message. What no single key can tell (whether an
// upstream exists, whether a name in a template does) is checked in parse.ts.

/** Where the values of `{ env: … }` come from. */
export type Environment = (name: string) => string | undefined;

/** An object with these keys and no other; every wrong key is reported, not the first alone. */
function object<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.pipe(
    v.looseObject(
      entries,
      ({ expected }) => expected === "Object" ? "must be an object" : "is required",
    ),
    v.rawCheck(({ dataset, addIssue }) => {
      const input: unknown = dataset.value;
      if (!isRecord(input)) return;
      for (const [key, value] of Object.entries(input)) {
        if (Object.hasOwn(entries, key)) continue;
        addIssue({
          message: `is not a key here${suggest(key, Object.keys(entries))}`,
          input: undefined,
          path: [{ type: "object", origin: "key", input, key, value }],
        });
      }
    }),
  );
}

/** A value that `read` makes something of; undefined breaks the rule. */
function readAs<Output>(rule: string, read: (value: unknown) => Output | undefined) {
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, Output>(({ dataset, addIssue, NEVER }) => {
      const output = read(dataset.value);
      if (output !== undefined) return output;
      addIssue({ message: rule });
      return NEVER;
    }),
  );
}

/** A template; the rule it breaks is the message. */
function template<Output>(read: (value: unknown) => Output) {
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, Output>(({ dataset, addIssue, NEVER }) => {
      try {
        return read(dataset.value);
      } catch (error) {
        if (!(error instanceof TemplateError)) throw error;
        addIssue({ message: error.message });
        return NEVER;
      }
    }),
  );
}

const duration = readAs("must be a duration such as 400ms or 2s", parseDuration);
const size = readAs("must be a size such as 64KiB or 4MiB", parseSize);
const rate = readAs("must be a rate such as 5/s or 100/min, up to 1000000/s", parseRate);
const count = v.pipe(
  v.number("must be a whole number from 1"),
  v.safeInteger("must be a whole number from 1"),
  v.minValue(1, "must be a whole number from 1"),
);
const headerKey = v.pipe(
  v.string(),
  v.regex(/^header:[!#$%&'*+.^_`|~\w-]+$/),
  v.transform((key) => ({ header: key.slice("header:".length).toLowerCase() })),
);
const flag = v.boolean("must be true or false");
const text = v.string("must be a string");
const path = v.pipe(text, v.startsWith("/", 'must start with "/"'));
const json = v.custom<Json>(isJson, "must be a JSON value");

/** A text, or what an environment variable holds. Its value may be a secret: it is not shown. */
function textFrom(env: Environment) {
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, string>(({ dataset, addIssue, NEVER }) => {
      const { value } = dataset;
      if (typeof value === "string") return value;
      if (!isRecord(value) || typeof value.env !== "string" || Object.keys(value).length > 1) {
        addIssue({ message: 'must be a string or { env: "NAME" }', input: undefined });
        return NEVER;
      }
      const found = env(value.env);
      if (found !== undefined && found !== "") return found;
      addIssue({ message: unset(value.env), input: undefined });
      return NEVER;
    }),
  );
}

/** The rule that a missing environment variable breaks. */
export function unset(name: string): string {
  return `the environment variable ${name} is not set`;
}

function headerValue(env: Environment) {
  return v.pipe(
    textFrom(env),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed || /^[\t\x20-\x7e\x80-\xff]*$/.test(dataset.value)) return;
      addIssue({
        message: "must hold no line breaks and nothing outside Latin-1",
        input: undefined,
      });
    }),
  );
}

const headerName = v.pipe(
  text,
  v.regex(/^[!#$%&'*+.^_`|~\w-]+$/, "must be a header name"),
  v.check(
    (name) =>
      !/^(?:host|connection|content-length|transfer-encoding|upgrade|te|trailer|keep-alive)$/i.test(
        name,
      ),
    "is a header that the gateway sets itself",
  ),
);

const upstreamUrl = (env: Environment) =>
  v.pipe(
    textFrom(env),
    v.rawTransform<string, URL>(({ dataset, addIssue, NEVER }) => {
      const url = URL.parse(dataset.value);
      const rule = urlRule(url);
      if (url && rule === undefined) return url;
      addIssue({
        message: rule ?? "",
        ...(rule?.includes("password") ? { input: undefined } : {}),
      });
      return NEVER;
    }),
  );

function urlRule(url: URL | null): string | undefined {
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return "must be an http:// or https:// URL";
  }
  if (url.username !== "" || url.password !== "") {
    return "must have no user and password; send them in headers.authorization";
  }
  if (url.search !== "" || url.hash !== "") return "must have no query and no fragment";
}

const anyUpstream = { timeout: v.optional(duration), maxBody: v.optional(size) };

/** An HTTP API. */
export const httpUpstreamSchema = (env: Environment) =>
  object({
    url: upstreamUrl(env),
    headers: v.optional(v.record(headerName, headerValue(env), "must be an object"), {}),
    ...anyUpstream,
  });

/** Any async function. */
export const functionUpstreamSchema = object({
  source: v.custom<Source>(
    (value) => typeof value === "function",
    "must be a function, which only a TypeScript config can have",
  ),
  ...anyUpstream,
});

const allowance = { rate, burst: count };

const keySource = v.union(
  [v.picklist(["client", "ip", "all"]), headerKey],
  "must be client, ip, all or header:NAME",
);

/** A named rate policy. */
export const limitSchema = object({
  ...allowance,
  by: v.optional(
    v.union([
      v.pipe(keySource, v.transform((source) => [source])),
      v.pipe(v.array(keySource), v.minLength(1)),
    ], "must be client, ip, all or header:NAME, or a list of these"),
  ),
  wait: v.optional(duration),
  queue: v.optional(count),
  onStoreFailure: v.optional(
    v.picklist(["local", "open", "closed"], "must be local, open or closed"),
  ),
  tiers: v.optional(v.record(text, object(allowance), "must be an object of tiers"), {}),
  perRoute: v.optional(flag),
  refund: v.optional(
    v.array(v.picklist(["hit", "fault"], "must be hit or fault"), "must be a list of hit, fault"),
    [],
  ),
});

/** A client whose key the environment holds. */
export const knownClientSchema = object({ env: text, tier: v.optional(text) });

/** A member of an aggregate. */
export const partSchema = object({
  from: text,
  path: v.optional(template((value) => parsePathTemplate(String(value))), "/"),
  method: v.optional(
    v.picklist(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"], "must be a method such as GET"),
    "GET",
  ),
  params: v.optional(v.record(text, template(parseValue), "must be an object"), {}),
  headers: v.optional(v.record(headerName, template(parseValue), "must be an object"), {}),
  body: v.optional(template(parseValue)),
  timeout: v.optional(duration),
  as: v.optional(v.literal("text", 'must be "text"')),
  optional: v.optional(flag),
  otherwise: v.optional(json),
});

const anyRoute = {
  limit: v.optional(
    v.union([
      v.pipe(text, v.transform((name) => [name])),
      v.array(text),
    ], "must be a limit's name, or a list of names"),
    [],
  ),
  cost: v.optional(count),
};

/** A route that asks parts; they are read one by one. */
export const gatherSchema = object({
  ...anyRoute,
  deadline: v.optional(duration),
  gather: v.record(text, v.unknown(), "must be an object that names its parts"),
});

/** A route that passes requests on. */
export const forwardSchema = object({
  ...anyRoute,
  deadline: v.optional(duration),
  forward: v.union(
    [
      v.pipe(text, v.transform((to) => ({ to, strip: undefined }))),
      object({ to: text, strip: v.optional(path) }),
    ],
    'must be an upstream\'s name or { to: "NAME", strip: "/prefix" }',
  ),
});

/** The top of a config; upstreams and routes are read one by one. */
export const gatewaySchema = object({
  store: v.optional(v.pipe(text, v.nonEmpty("must not be empty"))),
  upstreams: v.record(text, v.unknown(), "must be an object that names the upstreams"),
  clients: v.optional(object({
    key: v.union([v.literal("bearer"), headerKey], "must be bearer or header:NAME"),
    known: v.union(
      [v.literal("kv"), v.record(text, v.unknown())],
      'must be "kv", or an object of clients such as { mobile: { env: "MOBILE_KEY" } }',
    ),
    required: v.optional(flag),
  })),
  limits: v.optional(v.record(text, v.unknown(), "must be an object that names the limits"), {}),
  trustedProxies: v.optional(
    v.array(
      readAs(
        "must be an address or a range such as 10.0.0.0/8",
        (value) => typeof value === "string" ? parseRange(value) : undefined,
      ),
      "must be a list of addresses and ranges",
    ),
    [],
  ),
  forwardedHeader: v.optional(v.pipe(headerName, v.toLowerCase())),
  cors: v.optional(object({
    origins: v.array(
      v.pipe(
        text,
        v.check(isOrigin, 'must be an origin such as https://app.example, or "*"'),
      ),
      "must be a list of origins",
    ),
    credentials: v.optional(flag),
  })),
  maxRequestBody: v.optional(size),
  routes: v.record(text, v.unknown(), "must be an object of routes"),
});

function parseValue(value: unknown) {
  if (!isJson(value)) throw new TemplateError("must be a JSON value");
  return parseValueTemplate(value);
}

function isOrigin(origin: string): boolean {
  return origin === "*" || URL.parse(origin)?.origin === origin;
}

function isJson(value: unknown): value is Json {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  return isRecord(value) && Object.values(value).every(isJson);
}

/** Whether a value is an object with keys. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
