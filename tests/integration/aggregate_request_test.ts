import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import type { Part } from "../../lib/config/part.ts";
import type { RouteKey } from "../../lib/config/route.ts";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { within } from "../support/program.ts";
import { rawGet } from "../support/raw_request.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

/** What reached an upstream. */
interface Received {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An upstream that answers with what reached it. */
function startMirror(): TestUpstream {
  return startUpstream(async (request) => {
    const { pathname, search } = new URL(request.url);
    const received: Received = {
      method: request.method,
      target: pathname + search,
      headers: Object.fromEntries(request.headers),
      body: await request.text(),
    };
    return Response.json(received);
  });
}

/** A gateway with one route, whose part `it` asks the mirror. */
function gatewayFor(
  route: RouteKey,
  part: Partial<Part>,
  mirror: TestUpstream,
  config: Partial<GatewayConfig> = {},
): TestGateway {
  return startGateway({
    upstreams: { mirror: { url: mirror.url } },
    ...config,
    routes: { [route]: { gather: { it: { from: "mirror", ...part } } } },
  });
}

/** What reaches the upstream when a client asks for that. */
async function received(
  route: RouteKey,
  part: Partial<Part>,
  target: string,
  init: RequestInit = {},
): Promise<Received> {
  await using mirror = startMirror();
  await using gateway = gatewayFor(route, part, mirror);
  const response = await ask(gateway.url + target, { method: methodOf(route), ...init });
  const document: { data: { it: Received } } = JSON.parse(await response.text());
  return document.data.it;
}

function methodOf(route: RouteKey): string {
  return route.split(" ", 1)[0] ?? "";
}

function post(body: unknown): RequestInit {
  return {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
  };
}

// Paths.

const PATHS: readonly {
  readonly path: `/${string}`;
  readonly asked: string;
  readonly target: string;
}[] = [
  { path: "/users/{id}", asked: "/7", target: "/users/7" },
  { path: "/users/{id}", asked: "/a%2Fb%3Fc%23d", target: "/users/a%2Fb%3Fc%23d" },
  { path: "/users/{id}", asked: "/a%252Fb", target: "/users/a%252Fb" },
  { path: "/users/{id}", asked: "/..a", target: "/users/..a" },
  { path: "/users/{id}", asked: "/caf%C3%A9", target: "/users/caf%C3%A9" },
  { path: "/users/{id}", asked: "/a+b%20c", target: "/users/a%2Bb%20c" },
  { path: "/q/{query.a}", asked: "/7?a=x%26y%3D1", target: "/q/x%26y%3D1" },
  { path: "/q{?query.a}", asked: "/7?a=1&a=&a=2", target: "/q?a=1&a=&a=2" },
  { path: "/q/{query.a}-{query.b}", asked: "/7?a=1&b=2", target: "/q/1-2" },
  { path: "/q{?query.a,query.b}", asked: "/7?b=%26", target: "/q?b=%26" },
  { path: "/q{?query.a}", asked: "/7", target: "/q" },
  { path: "/q?x=1{&query.a}", asked: "/7?a=%2F..%2F", target: "/q?x=1&a=%2F..%2F" },
  { path: "/q{?id}", asked: "/7", target: "/q?id=7" },
  { path: "/fixed", asked: "/7?a=b", target: "/fixed" },
];

for (const { path, asked, target } of PATHS) {
  Deno.test(`${path} asked as ${asked} -> ${target}`, async () => {
    assertEquals((await received("GET /:id", { path }, asked)).target, target);
  });
}

Deno.test("an upstream's base path stands before the part's path", async () => {
  await using mirror = startMirror();
  await using gateway = gatewayFor("GET /:id", { path: "/users/{id}" }, mirror, {
    upstreams: { mirror: { url: `${mirror.url}/api/v2/` } },
  });
  await (await ask(`${gateway.url}/7`)).text();
  assertEquals(new URL(mirror.requests[0]?.url ?? "").pathname, "/api/v2/users/7");
});

Deno.test("a part without a path calls /", async () => {
  assertEquals((await received("GET /:id", {}, "/7")).target, "/");
});

// Parameters.

Deno.test("params are encoded, and left out where the request has no value", async () => {
  const params = {
    user: "{id}",
    limit: 5,
    all: true,
    "a&b": "{query.q}",
    none: "{query.none}",
    nothing: null,
    inherited: "{body.constructor}",
    mixed: "u-{id}-{query.none}",
  };
  const { target } = await received(
    "POST /:id",
    { path: "/s", params },
    "/7?q=x%26y%3D%20%C3%A9",
    post({}),
  );
  assertEquals(target, "/s?user=7&limit=5&all=true&a%26b=x%26y%3D%20%C3%A9&mixed=u-7-");
});

Deno.test("params follow the parameters of the path", async () => {
  const part = { path: "/s?a=1", params: { b: 2 } } as const;
  assertEquals((await received("GET /:id", part, "/7")).target, "/s?a=1&b=2");
});

Deno.test("a list in params is one parameter for each item", async () => {
  const part = { path: "/s", params: { tag: ["a", "{id}"], of: "{body.list}" } } as const;
  const { target } = await received("POST /:id", part, "/7", post({ list: ["x", 1, null, "&"] }));
  assertEquals(target, "/s?tag=a&tag=7&of=x&of=1&of=%26");
});

// Methods and bodies.

for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"] as const) {
  Deno.test(`a part asks with ${method} when it says so, whatever the client's method`, async () => {
    assertEquals((await received("PUT /:id", { method }, "/7")).method, method);
  });
}

Deno.test("HEAD has the headers of GET and no body, and calls the parts with GET", async () => {
  await using mirror = startMirror();
  await using gateway = gatewayFor("GET /:id", {}, mirror);
  const got = await ask(`${gateway.url}/7`);
  const length = (await got.arrayBuffer()).byteLength;
  const response = await ask(`${gateway.url}/7`, { method: "HEAD" });
  assertEquals(await response.text(), "");
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("gateway-complete"), "?1");
  assertEquals(response.headers.get("content-length"), String(length));
  assertEquals(mirror.requests.map(({ method }) => method), ["GET", "GET"]);
});

Deno.test("a body template keeps types, and leaves out what the request has not", async () => {
  const body = {
    fixed: [1, "two", null, { three: true }],
    id: "{id}",
    text: "{body.text}",
    number: "{body.number}",
    flag: "{body.flag}",
    nothing: "{body.nothing}",
    list: "{body.list}",
    object: "{body.a.b}",
    mixed: "<{body.number}> {query.q}",
    missing: "{body.missing}",
    beyond: "{body.text.length}",
    inherited: "{body.a.__proto__}",
    header: "{header.x-tag}",
  };
  const init = post({
    text: 'a "b"\n\u0000é',
    number: 1.5,
    flag: false,
    nothing: null,
    list: [1, ["x"]],
    a: { b: { c: {} } },
  });
  const got = await received("POST /:id", { method: "POST", body }, "/7?q=%7Bid%7D", init);
  assertEquals(got.headers["content-type"], "application/json");
  assertEquals(JSON.parse(got.body), {
    fixed: [1, "two", null, { three: true }],
    id: "7",
    text: 'a "b"\n\u0000é',
    number: 1.5,
    flag: false,
    nothing: null,
    list: [1, ["x"]],
    object: { c: {} },
    mixed: "<1.5> {id}",
  });
});

Deno.test("a body is sent with its length, as one piece", async () => {
  const got = await received("POST /:id", { method: "POST", body: { id: "{id}" } }, "/é");
  assertEquals(got.body, '{"id":"é"}');
  assertEquals(got.headers["content-length"], "11");
  assertEquals(got.headers["transfer-encoding"], undefined);
});

Deno.test("a part's own content-type goes with its body", async () => {
  const headers = { "content-type": "application/merge-patch+json" };
  const got = await received("PUT /:id", { method: "PATCH", body: {}, headers }, "/7");
  assertEquals(got.headers["content-type"], "application/merge-patch+json");
});

for (
  const type of [
    "application/json",
    "application/json; charset=utf-8",
    "application/vnd.api+json",
    "APPLICATION/JSON",
  ]
) {
  Deno.test(`a body is read as JSON when it is ${type}`, async () => {
    const init = { ...post({ n: 1 }), headers: { "content-type": type } };
    assertEquals((await received("POST /:id", { path: "/n/{body.n}" }, "/7", init)).target, "/n/1");
  });
}

Deno.test("a body that no part refers to is not looked at", async () => {
  const init = { method: "POST", body: "{", headers: { "content-type": "text/plain" } };
  assertEquals((await received("POST /:id", { path: "/n" }, "/7", init)).body, "");
});

// Headers.

/** What clients send that is no upstream's business. */
const CLIENTS_OWN = {
  accept: "text/html",
  "accept-encoding": "br",
  authorization: "Bearer mine",
  baggage: "a=b",
  "cache-control": "no-cache",
  cookie: "session=1",
  forwarded: "for=192.0.2.1",
  "if-none-match": '"a"',
  origin: "https://app.example",
  prefer: "handling=lenient",
  "proxy-authorization": "Basic eDp5",
  range: "bytes=0-1",
  referer: "https://app.example/",
  te: "trailers",
  "user-agent": "mine",
  via: "1.1 before",
  "x-api-key": "mine",
  "x-forwarded-for": "192.0.2.1",
  "x-forwarded-host": "evil.example",
  "x-request-id": "req-1",
};

/** The headers that reach the upstream of a GET that has these, and no other. */
async function sentOn(
  part: Partial<Part>,
  headers: Readonly<Record<string, string>>,
  upstreamHeaders: Readonly<Record<string, string>> = {},
): Promise<Readonly<Record<string, string>>> {
  await using mirror = startMirror();
  await using gateway = gatewayFor("GET /it", part, mirror, {
    upstreams: { mirror: { url: mirror.url, headers: upstreamHeaders } },
  });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const { status, head } = await rawGet(gateway.port, "/it", lines);
  assertEquals(status, 200, head);
  return Object.fromEntries(mirror.requests[0]?.headers ?? []);
}

Deno.test("of the client's headers accept-language and traceparent are sent on, no other", async () => {
  const passed = {
    "accept-language": "de, en;q=0.5",
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  };
  const {
    via = "",
    host: _host,
    "x-envoy-expected-rq-timeout-ms": remaining,
    ...sent
  } = await sentOn({}, { ...CLIENTS_OWN, ...passed });
  assertEquals(/^1\.1 sluice-\w+$/.test(via), true, via);
  assert(Number(remaining) > 0 && Number(remaining) <= 5000, remaining);
  assertEquals(sent, {
    ...passed,
    accept: "application/json",
    "accept-encoding": "gzip",
    "user-agent": "sluice",
  });
});

Deno.test("a part sends the client's headers that it names", async () => {
  const headers = {
    authorization: "{header.authorization}",
    "x-tag": "tag-{header.x-api-key}",
    "x-none": "{header.x-none}",
    "user-agent": "mine to choose",
  };
  const sent = await sentOn({ headers }, CLIENTS_OWN);
  assertEquals(sent["authorization"], "Bearer mine");
  assertEquals(sent["x-tag"], "tag-mine");
  assertEquals(sent["x-none"], undefined);
  assertEquals(sent["user-agent"], "mine to choose");
  assertEquals(sent["cookie"], undefined);
});

Deno.test("an upstream's own headers are sent, and a part's replace them", async () => {
  const own = { authorization: "Bearer ours", "x-own": "1" };
  const sent = await sentOn({ headers: { "x-own": "2" } }, CLIENTS_OWN, own);
  assertEquals([sent["authorization"], sent["x-own"]], ["Bearer ours", "2"]);
});

Deno.test("a part with as: text sends Accept: text", async () => {
  const sent = await sentOn({ as: "text" }, {});
  assertEquals(sent["accept"], "text/*, */*;q=0.5");
});

// Whose a 401 is: the client's where the part passes on what the client shows, sent or not.
for (
  const [headers, status] of [
    [{ authorization: "{header.authorization}" }, 401],
    [{ Authorization: "Bearer {header.x-token}" }, 401],
    [{ authorization: "Bearer {query.token}" }, 401],
    [{ cookie: "sid={header.x-sid}" }, 401],
    [{ "x-cookies": "{header.Cookie}" }, 401],
    [{ "x-tag": "{header.x-tag}" }, 502],
    [{ authorization: "Bearer also-ours" }, 502],
  ] satisfies [Record<string, string>, number][]
) {
  Deno.test(`a 401 to ${JSON.stringify(headers)} is ${status}`, async () => {
    await using upstream = startUpstream(() =>
      new Response(null, { status: 401, headers: { "www-authenticate": "Bearer" } })
    );
    await using gateway = startGateway({
      upstreams: { own: { url: upstream.url, headers: { authorization: "Bearer ours" } } },
      routes: { "GET /it": { gather: { it: { from: "own", headers } } } },
    });
    const response = await ask(`${gateway.url}/it`);
    const kind = status === 401 ? "upstream-refused" : "upstream-error";
    await readProblem(response, { status, kind });
    assertEquals(response.headers.get("www-authenticate"), status === 401 ? "Bearer" : null);
  });
}

// Answers.

Deno.test("no header of an upstream reaches the client", async () => {
  await using upstream = startUpstream(() =>
    Response.json(1, { headers: { "set-cookie": "a=b", "x-powered-by": "php", etag: '"1"' } })
  );
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url } },
    routes: { "GET /it": { gather: { it: { from: "it" } } } },
  });
  const response = await ask(`${gateway.url}/it`);
  await readEnvelope(response, { parts: ["it"] });
  assertEquals(["set-cookie", "x-powered-by", "etag"].map((name) => response.headers.get(name)), [
    null,
    null,
    null,
  ]);
});

Deno.test("an upstream's JSON reaches the client as it was written", async () => {
  const written = '{ "big": 12345678901234567890, "a":1.0, "a":2, "text":"\\u00e9" }';
  await using upstream = startUpstream(() => new Response(written));
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url } },
    routes: { "GET /it": { gather: { it: { from: "it" } } } },
  });
  const response = await ask(`${gateway.url}/it`);
  assertEquals(await response.text(), `{"data":{"it":${written}},"complete":true}`);
});

Deno.test("an aggregate that is not stored has no ranges, and says nothing of them", async () => {
  const received: (string | null)[] = [];
  await using upstream = startUpstream(({ headers }) => {
    received.push(headers.get("range"));
    return Response.json(1);
  });
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url } },
    routes: { "GET /it": { gather: { it: { from: "it" } } } },
  });
  for (const range of ["bytes=0-3", "bytes=-1", "bytes=900-", "lines=1-2"]) {
    const response = await ask(`${gateway.url}/it`, { headers: { range } });
    assertEquals(await response.text(), '{"data":{"it":1},"complete":true}');
    assertEquals([response.status, response.headers.get("content-range")], [200, null]);
  }
  assertEquals(received, [null, null, null, null]);
});

// Requests at fault: nobody is asked.

interface Fault {
  readonly name: string;
  readonly target: string;
  readonly init?: RequestInit;
  /** What the problem's detail must name. */
  readonly detail: string;
  readonly part: Partial<Part>;
}

const TEXT_BODY = { method: "POST", headers: { "content-type": "application/json" } };

const FAULTS: readonly Fault[] = [
  ...["", ".", "..", "%2e%2e", "..%2fadmin", "a%2f..", "..%5cadmin"].map(
    (value): Fault => ({
      name: `a path segment made of "${value}"`,
      part: { path: "/users/{query.name}/private" },
      target: `/7?name=${value}`,
      detail: "query.name",
    }),
  ),
  {
    name: "a path value that is missing",
    part: { path: "/users/{query.name}" },
    target: "/7",
    detail: "query.name",
  },
  {
    name: "half a path segment that is missing",
    part: { path: "/users/u-{query.name}" },
    target: "/7",
    detail: "query.name",
  },
  {
    name: "two values that make a segment of dots together",
    part: { path: "/users/{query.a}{query.b}" },
    target: "/7?a=.&b=.",
    detail: "query.a, query.b",
  },
  {
    name: "a path that is not UTF-8",
    part: { path: "/users/{id}" },
    target: "/%ff",
    detail: "UTF-8",
  },
  {
    name: "an object in a path",
    part: { path: "/users/{body.user}" },
    target: "/7",
    init: post({ user: { id: 1 } }),
    detail: "body.user",
  },
  {
    name: "a list in a path",
    part: { path: "/users/{body.user}" },
    target: "/7",
    init: post({ user: ["a"] }),
    detail: "body.user",
  },
  {
    name: "half a character in a path",
    part: { path: "/users/{body.user}" },
    target: "/7",
    init: post({ user: "\ud800" }),
    detail: "body.user",
  },
  {
    name: "half a character in params",
    part: { params: { user: "{body.user}" } },
    target: "/7",
    init: post({ user: "\ud800" }),
    detail: "user",
  },
  {
    name: "an object in params",
    part: { params: { user: "{body.user}" } },
    target: "/7",
    init: post({ user: {} }),
    detail: "user",
  },
  {
    name: "an object in a list in params",
    part: { params: { user: "{body.users}" } },
    target: "/7",
    init: post({ users: ["a", { b: 1 }] }),
    detail: "user",
  },
  ...["a%0d%0aX-Evil:%201", "a%0aX-Evil:%201", "a%0d", "a%00b", "%e2%86%92", "%7f"].map(
    (value): Fault => ({
      name: `a header made of "${value}"`,
      part: { headers: { "x-tag": "tag {query.tag}" } },
      target: `/7?tag=${value}`,
      detail: "x-tag",
    }),
  ),
  {
    name: "a header with a line break from the body",
    part: { headers: { "x-tag": "{body.tag}" } },
    target: "/7",
    init: post({ tag: "a\r\nX-Evil: 1" }),
    detail: "x-tag",
  },
  {
    name: "an object in a text of a body",
    part: { method: "POST", body: { text: "hello {body.name}" } },
    target: "/7",
    init: post({ name: {} }),
    detail: "body.name",
  },
  ...["{", "[1] [2]", "\ufeff", "undefined"].map(
    (body): Fault => ({
      name: `the body ${JSON.stringify(body)}`,
      part: { method: "POST", body: "{body.n}" },
      target: "/7",
      init: { ...TEXT_BODY, body },
      detail: "JSON",
    }),
  ),
  {
    name: "a body that is not UTF-8",
    part: { method: "POST", body: "{body.n}" },
    target: "/7",
    init: { ...TEXT_BODY, body: new Uint8Array([0x22, 0xff, 0x22]) },
    detail: "JSON",
  },
  ...["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json"].map(
    (type): Fault => ({
      name: `a body that is ${type}`,
      part: { method: "POST", body: "{body.n}" },
      target: "/7",
      init: { method: "POST", body: "{}", headers: { "content-type": type } },
      detail: "application/json",
    }),
  ),
];

for (const { name, part, target, init = {}, detail } of FAULTS) {
  Deno.test(`${name} is refused with 400, also for an optional part, and asks nobody`, async () => {
    await using mirror = startMirror();
    await using gateway = startGateway({
      upstreams: { mirror: { url: mirror.url } },
      routes: {
        "ANY /:id": {
          gather: {
            fine: { from: "mirror", path: "/fine" },
            it: { from: "mirror", ...part, optional: true },
          },
        },
        "GET /later/on": { gather: { fine: { from: "mirror", path: "/later" } } },
      },
    });
    const response = await ask(gateway.url + target, init);
    const document = await readProblem(response, { status: 400, kind: "bad-request" });
    assertStringIncludes(document.detail, detail);
    assertEquals(document.problems, undefined);

    // A question that had been on its way would have come before this one.
    await (await ask(`${gateway.url}/later/on`)).text();
    assertEquals(mirror.requests.map(({ url }) => new URL(url).pathname), ["/later"]);
  });
}

Deno.test("a header value within Latin-1 reaches the upstream", async () => {
  const part = { headers: { "x-tag": "{query.tag}" } };
  const { headers } = await received("GET /:id", part, "/7?tag=%09caf%C3%A9%20");
  assertEquals(headers["x-tag"], "café");
});

// Sizes.

const SIZED = { path: "/", method: "POST", body: { text: "{body.text}" } } as const;
const SIZE = { maxRequestBody: "100B" } as const;

/** What a request's head and the beginning of its body are answered with, while the rest is due. */
async function answerEarly(port: number, text: string): Promise<string> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  await connection.write(new TextEncoder().encode(text));
  return await within(readProblemText(connection.readable), "the answer");
}

async function readProblemText(readable: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let answer = "";
  for await (const text of readable.pipeThrough(new TextDecoderStream())) {
    answer += text;
    if (answer.endsWith("}")) break;
  }
  return answer;
}

function postHead(...lines: readonly string[]): string {
  return ["POST /it HTTP/1.1", "Host: a", ...lines, "", ""].join("\r\n");
}

Deno.test("a body of exactly maxRequestBody is taken, with and without its length", async () => {
  await using mirror = startMirror();
  await using gateway = gatewayFor("POST /it", SIZED, mirror, SIZE);
  const { body, ...init } = post({ text: "x".repeat(89) });
  const sized = new Blob([String(body)]);
  assertEquals(sized.size, 100);
  const whole = await ask(`${gateway.url}/it`, { ...init, body: sized });
  const chunked = await ask(`${gateway.url}/it`, { ...init, body: sized.stream() });
  assertEquals([whole.status, chunked.status], [200, 200]);
  assertEquals(await whole.text(), await chunked.text());
});

Deno.test("a body whose length is above maxRequestBody is refused before it is sent", async () => {
  await using mirror = startMirror();
  await using gateway = gatewayFor("POST /it", SIZED, mirror, SIZE);
  const answer = await answerEarly(gateway.port, postHead("Content-Length: 101"));
  assertStringIncludes(answer, "HTTP/1.1 413 ");
  assertStringIncludes(answer, "/payload-too-large");
  assertEquals(mirror.requests.length, 0);
});

Deno.test("a body above maxRequestBody is refused also where no part refers to it", async () => {
  await using mirror = startMirror();
  await using gateway = gatewayFor("POST /it", {}, mirror, SIZE);
  const answer = await answerEarly(gateway.port, postHead("Content-Length: 101"));
  assertStringIncludes(answer, "HTTP/1.1 413 ");
  assertEquals(mirror.requests.length, 0);
});

Deno.test("a chunked body is refused as soon as it is above maxRequestBody", async () => {
  await using mirror = startMirror();
  await using gateway = gatewayFor("POST /it", SIZED, mirror, SIZE);
  const head = postHead("Transfer-Encoding: chunked");
  const answer = await answerEarly(gateway.port, `${head}65\r\n${" ".repeat(101)}\r\n`);
  assertStringIncludes(answer, "HTTP/1.1 413 ");
  assertStringIncludes(answer, "/payload-too-large");
  assertEquals(mirror.requests.length, 0);
});

Deno.test("a client that does not finish its body has until the deadline", async () => {
  await using mirror = startMirror();
  await using gateway = startGateway({
    upstreams: { mirror: { url: mirror.url } },
    routes: { "POST /it": { deadline: "100ms", gather: { it: { from: "mirror", ...SIZED } } } },
  });
  const answer = await answerEarly(gateway.port, `${postHead("Content-Length: 9")}{`);
  assertStringIncludes(answer, "HTTP/1.1 408 ");
  assertStringIncludes(answer, "/request-timeout");
  assertEquals(mirror.requests.length, 0);
});
