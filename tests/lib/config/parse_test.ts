import { assert, assertEquals, assertFalse, assertStrictEquals, assertThrows } from "@std/assert";
import { parseConfig } from "../../../lib/config/parse.ts";
import { ConfigError } from "../../../lib/config/config_error.ts";
import type { Settings } from "../../../lib/config/gateway.ts";
import type { ForwardSettings, GatherSettings } from "../../../lib/config/route.ts";
import { Inputs } from "../../../lib/template/inputs.ts";
import { JsonDocument } from "../../../lib/json/json_document.ts";
import { json } from "../../../lib/json/json_reply.ts";
import { testCall } from "../../support/context.ts";
import { assertSchemaRejects } from "../../support/config_schema.ts";

type Keys = Readonly<Record<string, unknown>>;

const ask = () => Promise.resolve(json(1));

/** An upstream that says nothing of cache, retry and concurrency. */
const ONCE = {
  cache: undefined,
  hidesErrors: false,
  retry: {
    attempts: 1,
    backoffMs: 50,
    maxBackoffMs: 1000,
    methods: new Set(["GET", "HEAD", "QUERY"]),
    budget: { share: 0.2, minPerSecond: 3 },
  },
  breaker: undefined,
  concurrency: { max: Infinity, queue: 0 },
  hedge: undefined,
  rate: undefined,
};

const UP = { url: "http://127.0.0.1:9001" };

const ENV: Readonly<Record<string, string>> = { TOKEN: "hunter2" };

const parse = (input: unknown, env = ENV): Settings => parseConfig(input, (name) => env[name]);

/** All problems of a config, a line each. */
function problemsOf(input: unknown, env = ENV): string {
  return assertThrows(() => parse(input, env), ConfigError).message;
}

const withTop = (keys: Keys) => ({ upstreams: { up: UP }, routes: {}, ...keys });
const withUpstream = (keys: Keys) => ({ upstreams: { up: { ...UP, ...keys } }, routes: {} });
const withUrls = (urls: unknown) => ({ upstreams: { up: { urls } }, routes: {} });
const withRoutes = (routes: Keys) => ({ upstreams: { up: UP }, routes });
const withRoute = (key: string, route: unknown) => withRoutes({ [key]: route });
const withForward = (key: string, forward: unknown) => withRoute(key, { forward });
const withPart = (keys: Keys, name = "it", key = "GET /x/:id") =>
  withRoute(key, { gather: { [name]: { from: "up", ...keys } } });

const PART = 'routes["GET /x/:id"].gather.it';
const DURATION = "must be a duration such as 400ms or 2s";
const SIZE = "must be a size such as 64KiB or 4MiB";
const JSON_VALUE = "must be a JSON value";
const NAME = "must name a route parameter, a part, query.NAME, header.NAME, body.NAME or item";
const GOT_ROUTE = "must have exactly one of gather, first, forward and batch";
const PART_NAME = "must not have the name of a route parameter, query, header, body or item";

/** Every rule of the config, with the line that tells of its breach. */
const RULES: readonly (readonly [unknown, string])[] = [
  ...[31, 129, 64.5, "64"].map((ipv6Prefix): [unknown, string] => [
    { upstreams: {}, routes: {}, ipv6Prefix },
    `ipv6Prefix: must be a whole number from 32 to 128; got ${JSON.stringify(ipv6Prefix)}`,
  ]),
  [
    { upstreams: { up: { ...UP, errors: "some" } }, routes: {} },
    'upstreams.up.errors: must be show or hide; got "some"',
  ],
  // The top.
  [null, "config: must be an object; got null"],
  ["x", 'config: must be an object; got "x"'],
  [{ routes: {} }, "upstreams: is required"],
  [{ upstreams: {} }, "routes: is required"],
  [withTop({ upstreams: 5 }), "upstreams: must be an object of upstreams by name; got 5"],
  [withTop({ routes: 5 }), "routes: must be an object of routes by method and path; got 5"],
  [
    withTop({ upstream: {} }),
    'upstream: is not a known key; did you mean "upstreams"?',
  ],
  [
    withTop({ batches: {} }),
    "batches: is not a known key; available: store, tls, upstreams, clients, auth, limits, trustedProxies, " +
    "forwardedHeader, ipv6Prefix, cors, secureHeaders, forwards, maxRequestBody, allow, deny, cacheMemory, compress, overload, openapi, sendTimeout, " +
    "cacheDisk, routes, $schema",
  ],
  [withTop({ store: 5 }), "store: must be a string; got 5"],
  [withTop({ store: "" }), 'store: must not be empty; got ""'],
  [withTop({ maxRequestBody: "1MB" }), `maxRequestBody: ${SIZE}; got "1MB"`],
  [withTop({ cors: 5 }), "cors: must be an object; got 5"],
  [withTop({ cors: {} }), "cors.origins: is required"],
  [withTop({ cors: { origins: "*" } }), 'cors.origins: must be a list of origins; got "*"'],
  [withTop({ cors: { origins: [5] } }), "cors.origins.0: must be a string; got 5"],
  [
    withTop({ cors: { origins: ["*", "https://a.example/"] } }),
    'cors.origins.1: must be an origin such as https://app.example or https://*.app.example, or "*"; got "https://a.example/"',
  ],
  [
    withTop({ cors: { origins: ["a.example"] } }),
    'cors.origins.0: must be an origin such as https://app.example or https://*.app.example, or "*"; got "a.example"',
  ],
  [
    withTop({ cors: { origins: [], credentials: "yes" } }),
    'cors.credentials: must be true or false; got "yes"',
  ],
  [
    withTop({ cors: { origins: ["https://a.example", "*"], credentials: true } }),
    'cors.credentials: must not be true together with "*" in origins',
  ],
  [
    withTop({ cors: { origins: [], origin: [] } }),
    'cors.origin: is not a known key; did you mean "origins"?',
  ],
  // Upstreams.
  [withTop({ upstreams: { up: 5 } }), "upstreams.up: must be an object; got 5"],
  [withTop({ upstreams: { up: {} } }), "upstreams.up.url: is required"],
  [
    withTop({ upstreams: { "1up": UP } }),
    "upstreams.1up: must have a name of letters, digits, - and _, with no digit or - at its start",
  ],
  [
    withTop({ upstreams: { "a b": UP } }),
    'upstreams["a b"]: must have a name of letters, digits, - and _, with no digit or - at its start',
  ],
  [
    withUpstream({ url: "ftp://x" }),
    'upstreams.up.url: must be an http:// or https:// URL; got "ftp://x"',
  ],
  [
    withUpstream({ url: "users" }),
    'upstreams.up.url: must be an http:// or https:// URL; got "users"',
  ],
  [
    withUpstream({ url: "http://a/?x" }),
    'upstreams.up.url: must not have a query or a fragment; got "http://a/?x"',
  ],
  [
    withUpstream({ url: "http://a/#x" }),
    'upstreams.up.url: must not have a query or a fragment; got "http://a/#x"',
  ],
  [
    withUpstream({ url: "http://bob:hunter2@a/" }),
    "upstreams.up.url: must not have a user or a password; set headers.authorization instead",
  ],
  [
    withUpstream({ url: "http://bob@a/" }),
    "upstreams.up.url: must not have a user or a password; set headers.authorization instead",
  ],
  [withUpstream({ urls: ["http://b"] }), "upstreams.up.urls: must not be set together with url"],
  [withUrls([]), "upstreams.up.urls: must be a list of at least one URL; got []"],
  [withUrls("http://a"), 'upstreams.up.urls: must be a list of at least one URL; got "http://a"'],
  [
    withUrls(["http://a", "b"]),
    'upstreams.up.urls.1: must be an http:// or https:// URL; got "b"',
  ],
  [withUrls([5]), 'upstreams.up.urls.0: must be a string or { env: "NAME" }'],
  [withUrls([{ weight: 2 }]), 'upstreams.up.urls.0: must be a string or { env: "NAME" }'],
  [
    withUrls([{ url: "http://bob:hunter2@a/" }]),
    "upstreams.up.urls.0.url: must not have a user or a password; set headers.authorization instead",
  ],
  [
    withUrls([{ url: "http://a", weight: 0 }]),
    "upstreams.up.urls.0.weight: must be a whole number of at least 1; got 0",
  ],
  [
    withUrls([{ url: "http://a", weights: 1 }]),
    'upstreams.up.urls.0.weights: is not a known key; did you mean "weight"?',
  ],
  [
    withUrls(["http://a", "https://b"]),
    "upstreams.up.urls.1: must have the same scheme and path as the first URL",
  ],
  [
    withUrls(["http://a/v1", "http://b/v2"]),
    "upstreams.up.urls.1: must have the same scheme and path as the first URL",
  ],
  [
    withUrls(["http://a", "http://b", { url: "http://A:80/", weight: 2 }]),
    "upstreams.up.urls.2: must not name a target twice; set weight instead",
  ],
  [withUpstream({ health: {} }), "upstreams.up.health.path: is required"],
  [
    withUpstream({ health: { path: "healthz" } }),
    'upstreams.up.health.path: must start with "/"; got "healthz"',
  ],
  [
    withUpstream({ health: { path: "/", every: 5 } }),
    `upstreams.up.health.every: ${DURATION}; got 5`,
  ],
  [
    withUpstream({ health: { path: "/", timeout: "x" } }),
    `upstreams.up.health.timeout: ${DURATION}; got "x"`,
  ],
  ...["unhealthyAfter", "healthyAfter"].map((key): [unknown, string] => [
    withUpstream({ health: { path: "/", [key]: 0 } }),
    `upstreams.up.health.${key}: must be a whole number of at least 1; got 0`,
  ]),
  [withUpstream({ url: 5 }), 'upstreams.up.url: must be a string or { env: "NAME" }'],
  [withUpstream({ url: { env: 5 } }), 'upstreams.up.url: must be a string or { env: "NAME" }'],
  [
    withUpstream({ url: { env: "TOKEN", or: "x" } }),
    'upstreams.up.url: must be a string or { env: "NAME" }',
  ],
  [
    withUpstream({ url: { env: "NOPE" } }),
    "upstreams.up.url: the environment variable NOPE is not set",
  ],
  [withUpstream({ timeout: "4 sec" }), `upstreams.up.timeout: ${DURATION}; got "4 sec"`],
  [withUpstream({ timeout: 400 }), `upstreams.up.timeout: ${DURATION}; got 400`],
  [withUpstream({ timeout: "0s" }), `upstreams.up.timeout: ${DURATION}; got "0s"`],
  [
    withUpstream({ transport: "http2" }),
    'upstreams.up.transport: must be socket or fetch; got "http2"',
  ],
  [withUpstream({ maxBody: "4MB" }), `upstreams.up.maxBody: ${SIZE}; got "4MB"`],
  [
    withUpstream({ timout: "1s" }),
    'upstreams.up.timout: is not a known key; did you mean "timeout"?',
  ],
  [withUpstream({ headers: 5 }), "upstreams.up.headers: must be an object; got 5"],
  [
    withUpstream({ headers: { "a b": "x" } }),
    'upstreams.up.headers["a b"]: must be a header name; got "a b"',
  ],
  [
    withUpstream({ headers: { Host: "x" } }),
    'upstreams.up.headers.Host: must not be a header that the gateway sets itself; got "Host"',
  ],
  ...[
    "connection",
    "content-length",
    "transfer-encoding",
    "upgrade",
    "te",
    "trailer",
    "keep-alive",
  ].map((name): [unknown, string] => [
    withUpstream({ headers: { [name]: "x" } }),
    `upstreams.up.headers.${name}: must not be a header that the gateway sets itself; got "${name}"`,
  ]),
  [
    withUpstream({ headers: { a: 5 } }),
    'upstreams.up.headers.a: must be a string or { env: "NAME" }',
  ],
  [
    withUpstream({ headers: { a: { env: "NOPE" } } }),
    "upstreams.up.headers.a: the environment variable NOPE is not set",
  ],
  [
    withUpstream({ headers: { a: "x\r\ny" } }),
    "upstreams.up.headers.a: must not have line breaks or characters outside Latin-1",
  ],
  [
    withUpstream({ headers: { a: "€" } }),
    "upstreams.up.headers.a: must not have line breaks or characters outside Latin-1",
  ],
  [
    withTop({ upstreams: { up: { source: "x" } } }),
    'upstreams.up.source: must be a function, which only a TypeScript config can have; got "x"',
  ],
  [
    withTop({ upstreams: { up: { source: ask, url: "http://a" } } }),
    "upstreams.up.url: is not a known key; available: source, cache, timeout, maxBody, retry, breaker, errors, concurrency, hedge, rate",
  ],
  [
    withTop({ upstreams: { up: { source: ask, timeout: "soon" } } }),
    `upstreams.up.timeout: ${DURATION}; got "soon"`,
  ],
  [
    withTop({ upstreams: { up: { open: "x", openAt: "soon", source: ask, close: 5 } } }),
    [
      'upstreams.up.open: must be a function, which only a TypeScript config can have; got "x"',
      'upstreams.up.openAt: must be use or start; got "soon"',
      "upstreams.up.close: must be a function, which only a TypeScript config can have; got 5",
    ].join("\n"),
  ],
  [withTop({ upstreams: { up: { open: ask } } }), "upstreams.up.source: is required"],
  [
    withTop({ upstreams: { up: { source: ask, close: ask } } }),
    "upstreams.up.close: is not a known key; available: source, cache, timeout, maxBody, retry, breaker, errors, concurrency, hedge, rate",
  ],
  // Routes.
  [
    withRoute("/users", {}),
    'routes["/users"]: must be a method and a path, such as "GET /users/:id"',
  ],
  [
    withRoutes({ "GET /x/:a": { forward: "up" }, "GET /x/:b": { forward: "up" } }),
    'routes["GET /x/:b"]: must not match the same requests as "GET /x/:a"',
  ],
  [withRoute("GET /", 5), 'routes["GET /"]: must be an object; got 5'],
  [withRoute("GET /", {}), `routes["GET /"]: ${GOT_ROUTE}`],
  [withRoute("GET /", { forward: "up", gather: {} }), `routes["GET /"]: ${GOT_ROUTE}`],
  [
    withRoute("GET /", { forward: "up", deadline: "1" }),
    `routes["GET /"].deadline: ${DURATION}; got "1"`,
  ],
  [
    withRoute("GET /", { forward: "up", deadlin: "1s" }),
    'routes["GET /"].deadlin: is not a known key; did you mean "deadline"?',
  ],
  [
    withForward("GET /", 5),
    'routes["GET /"].forward: must be the name of an upstream, or an object such as { to: "NAME", strip: "/prefix" }; got 5',
  ],
  [
    withForward("GET /", "upp"),
    'routes["GET /"].forward: must be the name of an upstream; got "upp"; did you mean "up"?',
  ],
  [
    withForward("GET /", { to: "other" }),
    'routes["GET /"].forward: must be the name of an upstream; got "other"; available: up',
  ],
  [
    withForward("GET /", { to: "up", passClientKey: true }),
    'routes["GET /"].forward.passClientKey: must only be set together with clients',
  ],
  [
    withForward("GET /", { to: "up", passClientKey: 1 }),
    'routes["GET /"].forward.passClientKey: must be true or false; got 1',
  ],
  [
    withForward("GET /a/*", { to: "up", strip: "a" }),
    'routes["GET /a/*"].forward.strip: must start with "/"; got "a"',
  ],
  [
    withForward("GET /a/*", { to: "up", strip: "/b" }),
    `routes["GET /a/*"].forward.strip: must be a prefix of the route's path; got "/b"`,
  ],
  [
    withForward("GET /", { to: "up", passHeaders: ["x-tag"] }),
    'routes["GET /"].forward.passHeaders.0: must be a header that forwards remove, such as x-http-method-override; got "x-tag"',
  ],
  [
    withForward("GET /ab/*", { to: "up", strip: "/a" }),
    `routes["GET /ab/*"].forward.strip: must be a prefix of the route's path; got "/a"`,
  ],
  [
    withForward("GET /a/:id", { to: "up", strip: "/a/:id" }),
    `routes["GET /a/:id"].forward.strip: must be a prefix of the route's path; got "/a/:id"`,
  ],
  [
    withForward("GET /", { to: "up", stripp: "/" }),
    'routes["GET /"].forward.stripp: is not a known key; did you mean "strip"?',
  ],
  [
    withRoute("GET /", { gather: 5 }),
    'routes["GET /"].gather: must be an object of parts by name; got 5',
  ],
  [withRoute("GET /", { gather: {} }), 'routes["GET /"].gather: must have at least one part'],
  [
    withRoute("GET /", { gather: { it: { from: "up" } }, deadline: 5 }),
    `routes["GET /"].deadline: ${DURATION}; got 5`,
  ],
  [
    withRoute("GET /", { gather: { it: { from: "up" } }, timeout: "1s" }),
    'routes["GET /"].timeout: is not a known key; available: auth, require, limit, cost, deadline, cors, maxRequestBody, allow, deny, compress, cache, gather, quorum, answer, merge, problemsIn, status, headers',
  ],
  // Parts.
  [
    withPart({}, "a-b"),
    'routes["GET /x/:id"].gather.a-b: must have a name of letters, digits and _, with no digit at its start',
  ],
  [withPart({}, "id"), `routes["GET /x/:id"].gather.id: ${PART_NAME}`],
  ...["query", "header", "body", "item"].map((name): [unknown, string] => [
    withPart({}, name),
    `routes["GET /x/:id"].gather.${name}: ${PART_NAME}`,
  ]),
  [withRoute("GET /x/:id", { gather: { it: 5 } }), `${PART}: must be an object; got 5`],
  [withRoute("GET /x/:id", { gather: { it: {} } }), `${PART}.from: is required`],
  [withPart({ from: 5 }), `${PART}.from: must be a string; got 5`],
  [
    withPart({ from: "upp" }),
    `${PART}.from: must be the name of an upstream; got "upp"; did you mean "up"?`,
  ],
  [withPart({ form: "up" }), `${PART}.form: is not a known key; did you mean "from"?`],
  [withPart({ path: "x" }), `${PART}.path: must start with "/"; got "x"`],
  [withPart({ path: 5 }), `${PART}.path: must start with "/"; got 5`],
  [
    withPart({ path: "/a b" }),
    `${PART}.path: must have no space, backslash or fragment; got "/a b"`,
  ],
  [withPart({ path: "/.." }), `${PART}.path: must not have a segment "." or ".."; got "/.."`],
  [withPart({ path: "/{id" }), `${PART}.path: must have a "}" for each "{"; got "/{id"`],
  [withPart({ path: "/{+id}" }), `${PART}.path: "{+id}" ${NAME}; got "/{+id}"`],
  [
    withPart({ path: "/{?query.a,body.a}" }),
    `${PART}.path: "{?query.a,body.a}" must not use one name twice; got "/{?query.a,body.a}"`,
  ],
  [
    withPart({ path: "/{ids}" }),
    `${PART}: "{ids}" must be a parameter of /x/:id or another part; did you mean "id"?`,
  ],
  [
    withPart({ params: { a: "{other}" } }),
    `${PART}: "{other}" must be a parameter of /x/:id or another part; available: id`,
  ],
  [
    withPart({ headers: { a: "{other}" } }),
    `${PART}: "{other}" must be a parameter of /x/:id or another part; available: id`,
  ],
  [
    withPart({ method: "POST", body: { a: ["{other}"] } }),
    `${PART}: "{other}" must be a parameter of /x/:id or another part; available: id`,
  ],
  [
    withPart({ path: "/{id}" }, "it", "GET /"),
    'routes["GET /"].gather.it: "{id}" must be a parameter of / or another part',
  ],
  [withPart({ method: "get" }), `${PART}.method: must be a method such as GET; got "get"`],
  [withPart({ method: "ANY" }), `${PART}.method: must be a method such as GET; got "ANY"`],
  [
    withPart({ params: 5 }),
    `${PART}.params: must be an object, or "{query}" for the client's whole query; got 5`,
  ],
  [withPart({ params: { a: () => 1 } }), `${PART}.params.a: ${JSON_VALUE}; got a function`],
  [
    withPart({ params: "{query.a}" }),
    `${PART}.params: must be an object, or "{query}" for the client's whole query; got "{query.a}"`,
  ],
  [
    withPart({ params: { a: "{query}" } }),
    `${PART}.params.a: "{query}" must be used as params: "{query}", or as {?query} in a path: ` +
    'it is all parameters; got "{query}"',
  ],
  [
    withPart({ params: { a: "x{query.a*}" } }),
    `${PART}.params.a: "{query.a*}" must be the whole string: it is a list; got "x{query.a*}"`,
  ],
  [withPart({ exact: true }), `${PART}.exact: must only be set together with map`],
  [
    withPart({ params: { a: "{" } }),
    `${PART}.params.a: must have a "}" for each "{"; write "{{" and "}}" for braces that are text; got "{"`,
  ],
  [withPart({ headers: 5 }), `${PART}.headers: must be an object; got 5`],
  [withPart({ headers: { "a:": "x" } }), `${PART}.headers["a:"]: must be a header name; got "a:"`],
  [
    withPart({ headers: { TE: "x" } }),
    `${PART}.headers.TE: must not be a header that the gateway sets itself; got "TE"`,
  ],
  [
    withPart({ headers: { a: "{a b}" } }),
    `${PART}.headers.a: "{a b}" must be a name without spaces; ` +
    'write "{{" and "}}" for braces that are text; got "{a b}"',
  ],
  [withPart({ method: "POST", body: NaN }), `${PART}.body: ${JSON_VALUE}; got null`],
  [withPart({ method: "POST", body: [undefined] }), `${PART}.body: ${JSON_VALUE}; got [null]`],
  [
    withPart({ body: {} }),
    `${PART}.body: must not be set together with the method GET; set method`,
  ],
  [
    withPart({ method: "HEAD", body: {} }),
    `${PART}.body: must not be set together with the method HEAD; set method`,
  ],
  [withPart({ timeout: 5n }), `${PART}.timeout: ${DURATION}; got 5`],
  [withPart({ timeout: "1" }), `${PART}.timeout: ${DURATION}; got "1"`],
  [withPart({ as: "json" }), `${PART}.as: must be "text"; got "json"`],
  [withPart({ optional: 1 }), `${PART}.optional: must be true or false; got 1`],
  [withPart({ otherwise: () => 1 }), `${PART}.otherwise: ${JSON_VALUE}; got a function`],
  [withPart({ otherwise: { a: Infinity } }), `${PART}.otherwise: ${JSON_VALUE}; got {"a":null}`],
  [
    withPart({ optional: false, otherwise: null }),
    `${PART}.otherwise: must not be set together with optional: false`,
  ],
];

for (const [input, line] of RULES) {
  Deno.test(`config rule: ${line}`, () => {
    assertEquals(problemsOf(input), line);
    assertSchemaRejects(input, line);
  });
}

Deno.test("all problems are reported at once", () => {
  const problems = problemsOf({
    upstreams: {
      users: { url: "users", timeout: "4 sec", retries: 3 },
      orders: { url: { env: "NOPE" } },
    },
    maxRequestBody: "1MB",
    rotes: {},
    routes: {
      "GET /a/:id": {
        deadline: 5,
        gather: { a: { from: "user", path: "x", timeout: "1" }, "b-c": {} },
      },
      "GET /b": { forward: { to: "order" } },
      "FETCH /c": {},
      "GET /d/:x": { gather: { ok: { from: "users", path: "/{y}" } } },
    },
  });
  assertEquals(problems.split("\n").toSorted(), [
    'maxRequestBody: must be a size such as 64KiB or 4MiB; got "1MB"',
    'rotes: is not a known key; did you mean "routes"?',
    'routes["FETCH /c"]: must start with one of GET, POST, PUT, PATCH, DELETE, QUERY, OPTIONS, ANY',
    'routes["GET /a/:id"].deadline: must be a duration such as 400ms or 2s; got 5',
    'routes["GET /b"].forward: must be the name of an upstream; got "order"; did you mean "orders"?',
    'routes["GET /d/:x"].gather.ok: "{y}" must be a parameter of /d/:x or another part; available: x',
    "upstreams.orders.url: the environment variable NOPE is not set",
    "upstreams.users.retries: is not a known key; available: url, urls, health, headers, transport, tls, host, allowPrivate, cache, timeout, maxBody, retry, breaker, errors, concurrency, hedge, rate",
    'upstreams.users.timeout: must be a duration such as 400ms or 2s; got "4 sec"',
    'upstreams.users.url: must be an http:// or https:// URL; got "users"',
  ]);
});

Deno.test("all problems of a part are reported, with those of other parts", () => {
  const problems = problemsOf(withRoute("GET /x/:id", {
    gather: {
      "b-c": { path: "x", as: "xml" },
      it: { from: "nope", path: "/{ids}", optional: false, otherwise: 1, body: 2 },
    },
  }));
  assertEquals(
    problems.split("\n").toSorted(),
    [
      `${PART}.body: must not be set together with the method GET; set method`,
      `${PART}.from: must be the name of an upstream; got "nope"; available: up`,
      `${PART}.otherwise: must not be set together with optional: false`,
      `${PART}: "{ids}" must be a parameter of /x/:id or another part; did you mean "id"?`,
      'routes["GET /x/:id"].gather.b-c.as: must be "text"; got "xml"',
      'routes["GET /x/:id"].gather.b-c.from: is required',
      'routes["GET /x/:id"].gather.b-c.path: must start with "/"; got "x"',
      'routes["GET /x/:id"].gather.b-c: must have a name of letters, digits and _, with no digit at its start',
    ].toSorted(),
  );
});

Deno.test("an upstream that is there but wrong is not reported as missing", () => {
  const problems = problemsOf({
    upstreams: { up: { url: "x" } },
    routes: { "GET /a": { forward: "up" }, "GET /b": { gather: { it: { from: "up" } } } },
  });
  assertEquals(problems, 'upstreams.up.url: must be an http:// or https:// URL; got "x"');
});

for (
  const [place, config] of [
    ["upstreams", withTop({ upstreams: [UP] })],
    ["upstreams.up.headers", withUpstream({ headers: ["x"] })],
    ["routes", withTop({ routes: [{ forward: "up" }] })],
    [`${PART}.params`, withPart({ params: ["x"] })],
  ] as const
) {
  Deno.test(`a list is no object: ${place}`, () => {
    const problems = problemsOf(config);
    assert(problems.startsWith(`${place}: must be an object`), problems);
  });
}

// Secrets.

for (
  const secret of [
    "postgres://bob:hunter2@db",
    "hunter2",
    "https://bob:hunter2@api.example",
    "https://api.example/?key=hunter2",
    "https://api.example/#hunter2",
  ]
) {
  Deno.test(`an upstream's address out of the environment is never printed: ${secret}`, () => {
    const problems = problemsOf(withUpstream({ url: { env: "URL" } }), { URL: secret });
    assert(problems.startsWith("upstreams.up.url: the value of URL must "), problems);
    assertFalse(problems.includes("hunter2"), problems);
  });
}

Deno.test("a header out of the environment is never printed", () => {
  const problems = problemsOf(
    { ...withUpstream({ headers: { a: { env: "TOKEN" }, "b c": { env: "TOKEN" } }, timeout: 5 }) },
    { TOKEN: "hunter2\n" },
  );
  assertEquals(problems.match(/must not have line breaks/g)?.length, 2);
  assertFalse(problems.includes("hunter2"), problems);
});

// Names that every object has.

for (const name of ["constructor", "prototype", "toString", "hasOwnProperty"]) {
  Deno.test(`a part, a parameter and a header may be called ${name}`, () => {
    const named = { [name]: "1" };
    const route = gatherOf(withPart({ params: named, headers: named }, name));
    assertEquals(route.parts.map((part) => part.name), [name]);
    const [part] = route.parts;
    assertEquals(Object.keys(part?.params ?? {}), [name]);
    assertEquals(Object.keys(part?.headers ?? {}), [name]);
  });

  Deno.test(`an upstream called ${name} is found when it is there, and only then`, () => {
    const config = { upstreams: { [name]: UP }, routes: { "GET /": { forward: name } } };
    assertEquals(parse(config).upstreams.map((upstream) => upstream.name), [name]);
    assertEquals(
      problemsOf(withForward("GET /", name)),
      `routes["GET /"].forward: must be the name of an upstream; got "${name}"; available: up`,
    );
  });

  Deno.test(`an unknown key called ${name} is reported`, () => {
    const { message } = assertThrows(() => parse(withTop({ [name]: 1 })), ConfigError);
    assert(message.startsWith(`${name}: is not a known key`), message);
  });
}

// What comes of it.

function gatherOf(input: unknown): GatherSettings {
  const [route] = parse(input).routes;
  assert(route && "parts" in route);
  return route;
}

function forwardOf(input: unknown): ForwardSettings {
  const [route] = parse(input).routes;
  assert(route && "to" in route);
  return route;
}

Deno.test("the least config is complete when it was read", () => {
  assertEquals(parse({ upstreams: { up: UP }, routes: {} }), {
    store: undefined,
    secureHeaders: false,
    cors: undefined,
    tls: undefined,
    clients: undefined,
    ipv6Prefix: 64,
    trust: { proxies: [], header: "x-forwarded-for" },
    maxRequestBody: 1_048_576,
    cacheMemory: 67_108_864,
    cacheDisk: 1_073_741_824,
    overload: undefined,
    openapi: { title: "API", version: "1", public: false },
    sendTimeoutMs: 60_000,
    auth: [],
    upstreams: [{
      name: "up",
      timeoutMs: 5000,
      maxBody: 4_194_304,
      ...ONCE,
      base: new URL("http://127.0.0.1:9001"),
      targets: [{ base: new URL("http://127.0.0.1:9001"), weight: 1 }],
      otherOrigins: [],
      health: undefined,
      headers: {},
      transport: "socket",
      tls: undefined,
      host: undefined,
      allowsPrivate: true,
    }],
    limits: [],
    routes: [],
  });
});

Deno.test("what is said replaces each default", () => {
  const settings = parse({
    store: ":memory:",
    maxRequestBody: "2KiB",
    cors: { origins: ["https://a.example", "http://localhost:3000"], credentials: true },
    upstreams: {
      up: {
        url: { env: "UP" },
        timeout: "400ms",
        maxBody: "1KiB",
        headers: { authorization: { env: "TOKEN" }, "x-a": "é\t" },
        transport: "fetch",
      },
      rows: { source: ask, timeout: "1s", maxBody: "2B" },
    },
    routes: {},
  }, { UP: "https://api.example/v1", TOKEN: "Bearer x" });
  assertEquals(settings, {
    store: ":memory:",
    secureHeaders: false,
    cors: {
      origins: ["https://a.example", "http://localhost:3000"],
      credentials: true,
      expose: [],
      maxAgeMs: 600_000,
    },
    tls: undefined,
    clients: undefined,
    ipv6Prefix: 64,
    trust: { proxies: [], header: "x-forwarded-for" },
    maxRequestBody: 2048,
    cacheMemory: 67_108_864,
    cacheDisk: 1_073_741_824,
    overload: undefined,
    openapi: { title: "API", version: "1", public: false },
    auth: [],
    sendTimeoutMs: 60_000,
    upstreams: [
      {
        name: "up",
        timeoutMs: 400,
        maxBody: 1024,
        ...ONCE,
        base: new URL("https://api.example/v1"),
        targets: [{ base: new URL("https://api.example/v1"), weight: 1 }],
        otherOrigins: [],
        health: undefined,
        headers: { authorization: "Bearer x", "x-a": "é\t" },
        transport: "fetch",
        tls: undefined,
        host: undefined,
        allowsPrivate: true,
      },
      { name: "rows", timeoutMs: 1000, maxBody: 2, ...ONCE, source: ask },
    ],
    limits: [],
    routes: [],
  });
});

Deno.test("an upstream may have several targets, each with its weight, and health checks", () => {
  const { upstreams: [up] } = parse({
    upstreams: {
      up: {
        urls: ["http://a/v1", { url: { env: "B" }, weight: 2 }, { url: "http://c/v1" }],
        health: { path: "/healthz" },
      },
    },
    routes: {},
  }, { B: "http://b/v1" });
  assert(up && "base" in up);
  assertEquals(up.base.href, "http://a/v1");
  assertEquals(up.targets.map(({ base, weight }) => [base.href, weight]), [
    ["http://a/v1", 1],
    ["http://b/v1", 2],
    ["http://c/v1", 1],
  ]);
  const defaults = { everyMs: 5000, timeoutMs: 1000, unhealthyAfter: 3, healthyAfter: 2 };
  assertEquals(up.health, { path: "/healthz", ...defaults });
});

Deno.test("all origins may read, as long as they bring no credentials", () => {
  for (const credentials of [undefined, false]) {
    const { cors } = parse(withTop({ cors: { origins: ["*"], credentials } }));
    assertEquals(cors, { origins: ["*"], credentials: false, expose: [], maxAgeMs: 600_000 });
  }
});

Deno.test("a part has its defaults, and its upstream's timeout", () => {
  const config = {
    upstreams: { up: { ...UP, timeout: "2s" } },
    routes: { "GET /": { gather: { it: { from: "up" } } } },
  };
  const { upstreams: [upstream] } = parse(config);
  const { parts: [part], ...route } = gatherOf(config);
  assertEquals(route, {
    key: "GET /",
    method: "GET",
    path: "/",
    deadlineMs: 10_000,
    auth: [],
    require: undefined,
    cors: undefined,
    maxRequestBody: 1_048_576,
    addresses: { allow: undefined, deny: [] },
    limits: [],
    cost: 1,
    compress: true,
    form: undefined,
    written: '{"it":{"from":"up"}}',
    readsBody: false,
    quorum: undefined,
    cache: undefined,
    isFirst: false,
  });
  assert(part);
  const { path, ...rest } = part;
  assertEquals(rest, {
    name: "it",
    upstream: upstream ?? part.upstream,
    method: "GET",
    isSafe: false,
    params: {},
    passesQuery: false,
    headers: {},
    body: undefined,
    timeoutMs: 2000,
    cache: undefined,
    needs: [],
    when: undefined,
    acceptsSkipped: false,
    each: undefined,
    batch: undefined,
    pages: undefined,
    as: "json",
    select: undefined,
    pick: undefined,
    rename: undefined,
    isHidden: false,
    map: undefined,
    isExact: false,
    optional: false,
    otherwise: undefined,
  });
  assertEquals(path.expand(new Inputs(testCall(), undefined)), "/");
});

Deno.test("a part's config becomes its call", () => {
  const { parts: [part], deadlineMs } = gatherOf(
    withRoute("POST /x/:id", {
      deadline: "1s",
      gather: {
        it: {
          from: "up",
          method: "PUT",
          path: "/y/{id}",
          params: { a: ["{query.a}", 1] },
          headers: { "x-id": "{id}" },
          body: { all: "{body.all}" },
          timeout: "50ms",
          as: "text",
        },
      },
    }),
  );
  assert(part);
  const call = testCall({ params: { id: "7" }, path: "/x/7?a=b" });
  const inputs = new Inputs(call, JsonDocument.of({ all: true }));
  assertEquals(
    [part.method, part.timeoutMs, part.as, deadlineMs],
    ["PUT", 50, "text", 1000],
  );
  assertEquals(part.path.expand(inputs), "/y/7");
  assertEquals(part.params.a?.expand(inputs), ["b", "1"]);
  assertEquals(part.headers["x-id"]?.expand(inputs), ["7"]);
  assertEquals(part.body?.expand(inputs), { all: true });
});

const NEEDS: readonly (readonly [Keys, boolean, unknown])[] = [
  [{}, false, undefined],
  [{ optional: true }, true, undefined],
  [{ optional: false }, false, undefined],
  [{ otherwise: [] }, true, []],
  [{ otherwise: null }, true, null],
  [{ optional: true, otherwise: 0 }, true, 0],
];

for (const [keys, optional, otherwise] of NEEDS) {
  Deno.test(`a part with ${JSON.stringify(keys)} is ${optional ? "optional" : "required"}`, () => {
    const { parts: [part] } = gatherOf(withPart(keys));
    assertEquals([part?.optional, part?.otherwise], [optional, otherwise]);
  });
}

const BODIES: readonly (readonly [Keys, boolean])[] = [
  [{ path: "/{id}/{query.a}", headers: { a: "{header.a}" } }, false],
  [{ path: "/{body.a}" }, true],
  [{ path: "/{?body.a}" }, true],
  [{ params: { a: ["x", "{body.a}"] } }, true],
  [{ headers: { a: "{body.a}" } }, true],
  [{ method: "POST", body: { a: { b: "{body.a}" } } }, true],
  [{ method: "POST", body: { a: "{id}" } }, false],
];

for (const [keys, readsBody] of BODIES) {
  Deno.test(`${JSON.stringify(keys)} ${readsBody ? "reads" : "does not read"} the body`, () => {
    assertEquals(gatherOf(withPart(keys)).readsBody, readsBody);
  });
}

Deno.test("one part that reads the body is enough", () => {
  const gather = { a: { from: "up" }, b: { from: "up", path: "/{body.x}" } };
  assert(gatherOf(withRoute("POST /", { gather })).readsBody);
});

Deno.test("a forward has its upstream and its prefix, without a slash at its end", () => {
  const forms: readonly (readonly [string, unknown, string])[] = [
    ["ANY /*", "up", ""],
    ["ANY /*", { to: "up" }, ""],
    ["ANY /v1/*", { to: "up", strip: "/v1" }, "/v1"],
    ["ANY /v1/*", { to: "up", strip: "/v1/" }, "/v1"],
    ["ANY /v1", { to: "up", strip: "/v1" }, "/v1"],
    ["ANY /v1/users/:id", { to: "up", strip: "/v1/users" }, "/v1/users"],
    ["ANY /v1/*", { to: "up", strip: "/" }, ""],
  ];
  for (const [key, forward, strip] of forms) {
    const config = withForward(key, forward);
    const route = forwardOf(config);
    const [method = "", path = ""] = key.split(" ");
    assertEquals(
      [route.key, `${route.method}`, route.path, route.strip, route.deadlineMs],
      [key, method, path, strip, 10_000],
    );
    assertEquals(route.to.name, "up");
  }
  const own = forwardOf(withRoute("GET /", { forward: "up", deadline: "2s" }));
  assertEquals(own.deadlineMs, 2000);
});

Deno.test("a part and a forward share the one upstream", () => {
  const settings = parse(withRoutes({
    "GET /a": { gather: { it: { from: "up" } } },
    "GET /b": { forward: "up" },
  }));
  const [upstream] = settings.upstreams;
  const [gather, forward] = settings.routes;
  assert(gather && "parts" in gather && forward && "to" in forward);
  assertStrictEquals(gather.parts[0]?.upstream, upstream);
  assertStrictEquals(forward.to, upstream);
});

Deno.test("routes that differ in more than names stand side by side", () => {
  const forward = { forward: "up" };
  const keys = ["GET /a/:id", "POST /a/:id", "ANY /a/:id", "GET /a/b", "GET /a/*", "GET /a/:id/"];
  const { routes } = parse(withRoutes(Object.fromEntries(keys.map((key) => [key, forward]))));
  assertEquals(routes.map(({ key }) => key), keys);
});

Deno.test("what was read is not changed by reading", () => {
  const config = withPart({ method: "POST", body: { a: ["{id}"] }, headers: { a: "b" } });
  const before = structuredClone(config);
  parse(config);
  assertEquals(config, before);
});

Deno.test("a batch route has its defaults, and must be POST", () => {
  const upstreams = { up: { url: "http://127.0.0.1:9001" } };
  const read = (routes: unknown) => parseConfig({ upstreams, routes }, () => undefined).routes[0];
  assertEquals(read({ "POST /batch": { batch: {}, deadline: "2s" } }), {
    key: "POST /batch",
    method: "POST",
    path: "/batch",
    deadlineMs: 2_000,
    auth: [],
    require: undefined,
    cors: undefined,
    maxRequestBody: 1_048_576,
    addresses: { allow: undefined, deny: [] },
    limits: [],
    cost: 1,
    compress: true,
    max: 20,
    concurrency: 8,
    maxBody: 1024 * 1024,
    maxTotal: 8 * 1024 * 1024,
  });
  const error = assertThrows(
    () => read({ "ANY /batch": { batch: { max: 0, most: 1 }, cache: {} } }),
    ConfigError,
  );
  assertEquals(error.problems.map(({ path }) => path.slice(1).join(" ")).toSorted(), [
    "ANY /batch",
    "ANY /batch batch max",
    "ANY /batch batch most",
    "ANY /batch cache",
  ]);
});
