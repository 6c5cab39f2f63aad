import * as v from "valibot";
import { parsePointer } from "../pointer.ts";
import { parseOnlyName } from "../reference.ts";
import type { MapFunction } from "../map_function.ts";
import type { Source } from "../source.ts";
import type { OpenedUpstream } from "./define.ts";
import {
  type Json,
  parsePathTemplate,
  parseTextTemplate,
  parseValueTemplate,
  TemplateError,
} from "../template.ts";
import { parseRange } from "../address.ts";
import { isRecord } from "../is_record.ts";
import { suggest } from "./suggest.ts";
import { parseRate } from "./rates.ts";
import { parseDuration, parseSize } from "./units.ts";

// The shape of a config, each rule beside its message. What no single key can tell (whether an
// upstream exists, whether a name in a template does) is checked in parse.ts.

/** Where the values of `{ env: … }` come from. */
export type Environment = (name: string) => string | undefined;

/** An object with these keys and no other; every wrong key is reported, not the first alone. */
function object<const Entries extends v.ObjectEntries>(entries: Entries) {
  const shape = v.object(entries, "is required");
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, v.InferOutput<typeof shape>>(({ dataset, addIssue, NEVER }) => {
      const input = dataset.value;
      if (!isRecord(input)) return refuse(addIssue, NEVER, "must be an object");
      let isWell = true;
      for (const [key, value] of Object.entries(input)) {
        if (Object.hasOwn(entries, key)) continue;
        const message = `is not a key here${suggest(key, Object.keys(entries))}`;
        addIssue({ message, input: undefined, path: [pathItem(input, key, value)] });
        isWell = false;
      }
      const result = v.safeParse(shape, input);
      for (const issue of result.issues ?? []) passOn(addIssue, issue);
      return isWell && result.success ? result.output : NEVER;
    }),
  );
}

/** An object whose keys are names, each with a value of the same shape. */
function record<Value extends v.GenericSchema>(
  name: v.GenericSchema<string, string>,
  value: Value,
  rule: string,
) {
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, Record<string, v.InferOutput<Value>>>(
      ({ dataset, addIssue, NEVER }) => {
        const input = dataset.value;
        if (!isRecord(input)) return refuse(addIssue, NEVER, rule);
        let isWell = true;
        const output = Object.entries(input).map(([key, item]) => {
          const results = [v.safeParse(name, key), v.safeParse(value, item)] as const;
          for (const { issues = [] } of results) {
            for (const issue of issues) passOn(addIssue, issue, pathItem(input, key, item));
            if (issues.length > 0) isWell = false;
          }
          return [key, results[1].output] as const;
        });
        return isWell ? Object.fromEntries(output) : NEVER;
      },
    ),
  );
}

type AddIssue = (
  info: { message: string; input?: unknown; path?: [v.IssuePathItem, ...v.IssuePathItem[]] },
) => void;

function refuse<Never>(addIssue: AddIssue, never: Never, message: string): Never {
  addIssue({ message });
  return never;
}

/** Reports an inner problem, with where it is from out here. */
function passOn(
  addIssue: AddIssue,
  issue: v.BaseIssue<unknown>,
  ...outer: v.IssuePathItem[]
): void {
  const [first, ...rest] = [...outer, ...issue.path ?? []];
  const { message, input } = issue;
  addIssue(first ? { message, input, path: [first, ...rest] } : { message, input });
}

function pathItem(input: Record<string, unknown>, key: string, value: unknown): v.IssuePathItem {
  return { type: "object", origin: "value", input, key, value };
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
const wholeNumber = v.pipe(
  v.number("must be a whole number from 0"),
  v.safeInteger("must be a whole number from 0"),
  v.minValue(0, "must be a whole number from 0"),
);
const share = v.pipe(
  v.number("must be a number from 0 to 1"),
  v.minValue(0, "must be a number from 0 to 1"),
  v.maxValue(1, "must be a number from 0 to 1"),
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

/**
 * What `read` makes of a text, or of what an environment variable holds; a rule when it is broken.
 * A variable may hold a secret, so its value is never shown; nor is a text where `isSecret`.
 */
function fromText<Output>(
  env: Environment,
  read: (text: string) => { readonly value: Output } | { readonly rule: string },
  isSecret: (text: string) => boolean,
) {
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, Output>(({ dataset: { value }, addIssue, NEVER }) => {
      const refuse = (message: string, shown?: string) => {
        addIssue({ message, input: shown });
        return NEVER;
      };
      if (typeof value === "string") {
        const result = read(value);
        if ("value" in result) return result.value;
        return isSecret(value) ? refuse(result.rule) : refuse(result.rule, value);
      }
      if (!isRecord(value) || typeof value.env !== "string" || Object.keys(value).length > 1) {
        return refuse('must be a string or { env: "NAME" }');
      }
      const found = env(value.env);
      if (found === undefined) return refuse(unset(value.env));
      const result = read(found);
      return "value" in result ? result.value : refuse(`what ${value.env} holds ${result.rule}`);
    }),
  );
}

/** The rule that a missing environment variable breaks. */
export function unset(name: string): string {
  return `the environment variable ${name} is not set`;
}

const headerValue = (env: Environment) =>
  fromText(
    env,
    (text) =>
      /^[\t\x20-\x7e\x80-\xff]*$/.test(text)
        ? { value: text }
        : { rule: "must hold no line breaks and nothing outside Latin-1" },
    () => true,
  );

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
  fromText(
    env,
    (text) => {
      const url = URL.parse(text);
      const rule = urlRule(url);
      return url && rule === undefined ? { value: url } : { rule: rule ?? "" };
    },
    (text) => text.includes("@"),
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

const partMethod = v.picklist(
  ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
  "must be a method such as GET",
);

const retrySchema = object({
  attempts: v.optional(count),
  backoff: v.optional(duration),
  maxBackoff: v.optional(duration),
  methods: v.optional(v.array(partMethod, "must be a list of methods")),
  budget: v.optional(
    object({ share: v.optional(share), minPerSecond: v.optional(wholeNumber) }),
    {},
  ),
});

const CONCURRENCY_RULE = "must be a whole number from 1, or { max: 64, queue: 128 }";
const concurrencyObject = object({ max: count, queue: v.optional(wholeNumber) });
const concurrencyNumber = v.pipe(count, v.transform((max) => ({ max, queue: undefined })));

const aggregateCache = {
  ttl: v.optional(duration),
  stale: v.optional(duration),
  staleIfError: v.optional(duration),
};
const cacheSchema = object({ ...aggregateCache, override: v.optional(flag) });
const aggregateCacheSchema = object(aggregateCache);
const cacheOrNone = v.lazy((input) =>
  input === false ? v.literal(false) : isRecord(input) ? cacheSchema : v.never(CACHE_RULE)
);
const CACHE_RULE = 'must be an object such as { ttl: "30s" }, or false';

const anyUpstream = {
  cache: v.optional(cacheSchema),
  timeout: v.optional(duration),
  maxBody: v.optional(size),
  retry: v.optional(retrySchema),
  errors: v.optional(v.picklist(["show", "hide"], "must be show or hide")),
  concurrency: v.optional(v.lazy((input) => {
    if (typeof input === "number") return concurrencyNumber;
    return isRecord(input) ? concurrencyObject : v.never(CONCURRENCY_RULE);
  })),
};

/** An HTTP API. */
export const httpUpstreamSchema = (env: Environment) =>
  object({
    url: upstreamUrl(env),
    headers: v.optional(record(headerName, headerValue(env), "must be an object"), {}),
    ...anyUpstream,
  });

const aFunction = <Function>() =>
  v.custom<Function>(
    (value) => typeof value === "function",
    "must be a function, which only a TypeScript config can have",
  );

/** Any async function. */
export const functionUpstreamSchema = object({ source: aFunction<Source>(), ...anyUpstream });

/** A function with something that it keeps open. */
export const openedUpstreamSchema = object({
  open: aFunction<OpenedUpstream<unknown>["open"]>(),
  openAt: v.optional(v.picklist(["use", "start"], "must be use or start")),
  source: aFunction<OpenedUpstream<unknown>["source"]>(),
  close: v.optional(aFunction<NonNullable<OpenedUpstream<unknown>["close"]>>()),
  ...anyUpstream,
});

const workerPath = v.pipe(text, v.regex(/^\.\.?\//, 'must be a path such as "./quotes.ts"'));

const { concurrency: workers, ...workerRest } = anyUpstream;

/** A module whose function runs in threads. */
export const workerUpstreamSchema = object({
  worker: workerPath,
  workers,
  memory: v.optional(size),
  ...workerRest,
});

const allowance = { rate, burst: count };

const BY_RULE = "must be client, ip, all or header:NAME, or a list of these";
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
      v.pipe(v.array(keySource), v.minLength(1, BY_RULE)),
    ], BY_RULE),
  ),
  wait: v.optional(duration),
  queue: v.optional(count),
  onStoreFailure: v.optional(
    v.picklist(["local", "open", "closed"], "must be local, open or closed"),
  ),
  tiers: v.optional(record(text, object(allowance), "must be an object of tiers"), {}),
  perRoute: v.optional(flag),
  refund: v.optional(
    v.array(v.picklist(["hit", "fault"], "must be hit or fault"), "must be a list of hit, fault"),
    [],
  ),
});

/** A client whose key the environment holds. */
export const knownClientSchema = object({ env: text, tier: v.optional(text) });

const PICK_RULE = 'must be a list of members such as "id" or "address.city"';
const memberName = v.pipe(text, v.regex(/^[^.]+(?:\.[^.]+)*$/, PICK_RULE));

const NEXT_RULE = 'must be "link" or a JSON Pointer such as "/next"';
const pagesSchema = object({
  next: v.custom<"link" | `/${string}`>(
    (value) => value === "link" || (typeof value === "string" && value !== "" && isPointer(value)),
    NEXT_RULE,
  ),
  param: v.optional(v.pipe(text, v.nonEmpty("must not be empty"))),
  items: v.optional(
    v.pipe(text, v.check(isPointer, 'must be a JSON Pointer such as "/items"')),
  ),
  max: v.optional(count),
  maxItems: v.optional(count),
  whenMore: v.optional(v.picklist(["fail", "stop"], "must be fail or stop")),
});

/** A member of an aggregate. */
export const partSchema = object({
  from: v.optional(text),
  worker: v.optional(workerPath),
  path: v.optional(template((value) => parsePathTemplate(String(value))), "/"),
  method: v.optional(partMethod, "GET"),
  params: v.optional(record(text, template(parseText), "must be an object"), {}),
  headers: v.optional(record(headerName, template(parseText), "must be an object"), {}),
  body: v.optional(template(parseValue)),
  timeout: v.optional(duration),
  cache: v.optional(cacheOrNone),
  each: v.optional(
    readAs(
      'must be one {name} such as "{profile.friendIds}"',
      (value) => typeof value === "string" ? parseOnlyName(value) : undefined,
    ),
  ),
  concurrency: v.optional(count),
  max: v.optional(count),
  pages: v.optional(pagesSchema),
  needs: v.optional(v.array(text, "must be a list of parts"), []),
  as: v.optional(v.literal("text", 'must be "text"')),
  select: v.optional(
    readAs(
      'must be a JSON Pointer such as "/result/rows"',
      (value) => typeof value === "string" ? parsePointer(value) : undefined,
    ),
  ),
  pick: v.optional(
    v.pipe(v.array(memberName, PICK_RULE), v.minLength(1, PICK_RULE)),
  ),
  map: v.optional(aFunction<MapFunction>()),
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

const PARTS_RULE = "must be an object that names its parts";

/** A route that asks parts; they are read one by one. */
export const gatherSchema = object({
  ...anyRoute,
  deadline: v.optional(duration),
  cache: v.optional(aggregateCacheSchema),
  gather: record(text, v.unknown(), PARTS_RULE),
  quorum: v.optional(count),
});

/** A route whose parts compete; they are read one by one. */
export const firstSchema = object({
  ...anyRoute,
  deadline: v.optional(duration),
  cache: v.optional(aggregateCacheSchema),
  first: record(text, v.unknown(), PARTS_RULE),
});

const FORWARD_RULE = 'must be an upstream\'s name or { to: "NAME", strip: "/prefix" }';
const forwardObject = object({ to: text, strip: v.optional(path) });
const forwardName = v.pipe(text, v.transform((to) => ({ to, strip: undefined })));

/** A route that passes requests on. */
export const forwardSchema = object({
  ...anyRoute,
  deadline: v.optional(duration),
  cache: v.optional(cacheOrNone),
  forward: v.lazy((input) => {
    if (typeof input === "string") return forwardName;
    return isRecord(input) ? forwardObject : v.never(FORWARD_RULE);
  }),
});

/** A route that answers batches. */
export const batchSchema = object({
  ...anyRoute,
  deadline: v.optional(duration),
  batch: object({
    max: v.optional(count),
    concurrency: v.optional(count),
    maxBody: v.optional(size),
    maxTotal: v.optional(size),
  }),
});

const KNOWN_RULE =
  'must be "kv", or an object of clients such as { mobile: { env: "MOBILE_KEY" } }';

/** The top of a config; upstreams and routes are read one by one. */
export const gatewaySchema = object({
  store: v.optional(v.pipe(text, v.nonEmpty("must not be empty"))),
  upstreams: record(text, v.unknown(), "must be an object that names the upstreams"),
  clients: v.optional(object({
    key: v.union([v.literal("bearer"), headerKey], "must be bearer or header:NAME"),
    known: v.lazy((input) =>
      input === "kv" ? v.literal("kv") : record(text, v.unknown(), KNOWN_RULE)
    ),
    required: v.optional(flag),
  })),
  limits: v.optional(record(text, v.unknown(), "must be an object that names the limits"), {}),
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
  cacheMemory: v.optional(size),
  routes: record(text, v.unknown(), "must be an object of routes"),
});

function parseValue(value: unknown) {
  return parseValueTemplate(jsonOf(value));
}

function parseText(value: unknown) {
  return parseTextTemplate(jsonOf(value));
}

function jsonOf(value: unknown): Json {
  if (isJson(value)) return value;
  throw new TemplateError("must be a JSON value");
}

function isPointer(text: string): boolean {
  return parsePointer(text) !== undefined;
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
