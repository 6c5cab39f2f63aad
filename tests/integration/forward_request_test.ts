import { assertEquals, assertMatch } from "@std/assert";
import { connect } from "node:http2";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import type { HttpUpstream } from "../../lib/config/upstream.ts";
import type { ForwardRoute, RouteKey } from "../../lib/config/route.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { type RawUpstream, startRawUpstream } from "../support/upstream.ts";
import { ask, askFor, Wire, type WireAnswer } from "../support/wire.ts";

/** What reached an upstream, as it came over the wire. */
interface Received {
  /** Path and query. */
  readonly target: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
}

/** An upstream that keeps what reaches it, and answers 200. */
interface Recorder extends RawUpstream {
  readonly received: Received[];
}

function startRecorder(): Recorder {
  const received: Received[] = [];
  const upstream = startRawUpstream(async (raw) => {
    const wire = new Wire(raw.connection, raw.head);
    const [requestLine = "", ...lines] = (await wire.until("\r\n\r\n")).trimEnd().split("\r\n");
    const headers = new Headers(lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    }));
    const [method = "", target = ""] = requestLine.split(" ");
    const length = Number(headers.get("content-length") ?? 0);
    const isChunked = headers.get("transfer-encoding") === "chunked";
    const body = isChunked ? await wire.chunks() : await wire.take(length);
    received.push({ method, target, headers, body });
    await raw.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
  });
  return Object.assign(upstream, { received });
}

interface Setup {
  readonly route?: RouteKey;
  readonly strip?: `/${string}`;
  /** The upstream's base path. */
  readonly base?: string;
  /** What the upstream's config says to send. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What the upstream's config says besides. */
  readonly upstream?: Partial<HttpUpstream>;
  readonly config?: Partial<GatewayConfig>;
}

/** A gateway that forwards to the recorder. */
function gatewayFor(recorder: Recorder, setup: Setup = {}): TestGateway {
  const { route = "ANY /*", strip, base = "", headers = {}, upstream, config = {} } = setup;
  const forward: ForwardRoute["forward"] = strip === undefined ? "it" : { to: "it", strip };
  return startGateway({
    upstreams: { it: { url: recorder.url + base, headers, ...upstream } },
    ...config,
    routes: { [route]: { forward } },
  });
}

/** What reaches the upstream of a request, as it is sent; its answer must be 200. */
async function sent(request: string, setup?: Setup): Promise<Received> {
  await using recorder = startRecorder();
  await using gateway = gatewayFor(recorder, setup);
  expectOk(await ask(gateway.port, request));
  return only(recorder);
}

function get(target: string, headers = ""): string {
  return `GET ${target} HTTP/1.1\r\nHost: gateway.example\r\n${headers}\r\n`;
}

function post(headers: string, body = ""): string {
  return `POST /x HTTP/1.1\r\nHost: gateway.example\r\n${headers}\r\n${body}`;
}

function expectOk({ status, body }: WireAnswer): void {
  assertEquals([status, body], [200, "ok"]);
}

function only({ received }: Recorder): Received {
  const [first] = received;
  if (first === undefined || received.length > 1) throw new Error(`${received.length} requests`);
  return first;
}

// Paths and queries.

const UNTOUCHED = [
  "/",
  "/users/9?lang=de",
  "/a/b/",
  "/a//b",
  "//a",
  "/a%2Fb%2fc",
  "/a%20b+c",
  "/%C3%A9/%c3%a9",
  "/%ff",
  "/%c0%ae%c0%ae/x",
  "/%252e%252e/x",
  "/a%00b",
  "/a%0d%0ab",
  "/a%e2%80%a8b",
  "/a.b/..c/...",
  "/a;v=1/b,c=2",
  "/-._~!$&'()*+,;=:@",
  "/a|b",
  "/x?",
  "/x??",
  "/x?a=1&a=2&b",
  "/x?a=/../%2e%2e/..&b=?",
  "/x?a=%0d%0aX-A:%20b",
  "/x?%zz=%",
  "/x?a=\\b|{c}^`",
  `/${"a".repeat(10_000)}?${"b".repeat(10_000)}`,
];

for (const target of UNTOUCHED) {
  Deno.test(`${target.slice(0, 40)} goes through byte for byte`, async () => {
    assertEquals((await sent(get(target))).target, target);
  });
}

// fetch writes what stands raw where RFC 3986 wants it encoded as the encoding of the same bytes.
for (
  const [target, written] of [
    ["/é?é", "/%C3%A9?%C3%A9"],
    ['/"<>^`{}', "/%22%3C%3E^%60%7B%7D"],
    ['/x?"<>', "/x?%22%3C%3E"],
    ["/x?a='b'", "/x?a=%27b%27"],
  ] as const
) {
  Deno.test(`${target} means the same to the upstream`, async () => {
    const { target } = await sent(get(written));
    assertEquals(decodeURIComponent(target), decodeURIComponent(written));
  });
}

interface Mapping extends Setup {
  readonly asked: string;
  readonly target: string;
}

const MAPPINGS: readonly Mapping[] = [
  { base: "/api", asked: "/x?y", target: "/api/x?y" },
  { base: "/api/", asked: "/x", target: "/api/x" },
  { base: "/api/v%201", asked: "/", target: "/api/v%201/" },
  { base: "/", asked: "//x", target: "//x" },
  { base: "/api", asked: "//evil.example/x", target: "/api//evil.example/x" },
  { base: "", asked: "/@evil.example/x", target: "/@evil.example/x" },
  { base: "", asked: "/:80/x", target: "/:80/x" },
  { route: "GET /users/:id", asked: "/users/9?a", target: "/users/9?a" },
  { route: "ANY /users/*", asked: "/users", target: "/users" },
  { route: "ANY /users/*", asked: "/%75sers/9", target: "/%75sers/9" },
  { route: "ANY /v1/*", strip: "/v1", asked: "/v1/users/9?a=b", target: "/users/9?a=b" },
  { route: "ANY /v1/*", strip: "/v1", asked: "/v1/", target: "/" },
  { route: "ANY /v1/*", strip: "/v1", asked: "/v1", target: "/" },
  { route: "ANY /v1/*", strip: "/v1", asked: "/v1?a", target: "/?a" },
  { route: "ANY /v1/*", strip: "/v1", asked: "/v1/v1/x", target: "/v1/x" },
  { route: "ANY /v1/*", strip: "/v1", asked: "/v1//x", target: "//x" },
  { route: "ANY /v1/*", strip: "/v1/", asked: "/v1/x", target: "/x" },
  { route: "ANY /v1/*", strip: "/v1", asked: "/%761/x%2Fy", target: "/x%2Fy" },
  { route: "ANY /v1/*", strip: "/v1", asked: "/v%31", target: "/" },
  { route: "ANY /a/b/*", strip: "/a/b", asked: "/a/%62/c", target: "/c" },
  { route: "ANY /a/b/*", strip: "/a", asked: "/a/b/c", target: "/b/c" },
  { route: "GET /v1/x", strip: "/v1/x", asked: "/v1/x", target: "/" },
  { route: "ANY /v1/*", strip: "/v1", base: "/api", asked: "/v1/x", target: "/api/x" },
  { route: "ANY /v1/*", strip: "/v1", base: "/api", asked: "/v1", target: "/api/" },
  { route: "ANY /*", strip: "/", asked: "/x/", target: "/x/" },
];

for (const { asked, target, ...setup } of MAPPINGS) {
  const { route = "ANY /*", strip = "nothing", base = "/" } = setup;
  Deno.test(`${route} without ${strip} at ${base}: ${asked} -> ${target}`, async () => {
    assertEquals((await sent(get(asked), setup)).target, target);
  });
}

Deno.test("an absolute-form target goes to the route's upstream, whatever host it names", async () => {
  assertEquals((await sent(get("http://evil.example/x?y"))).target, "/x?y");
});

// Methods and bodies.

for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"]) {
  Deno.test(`${method} goes through`, async () => {
    const request = `${method} /x HTTP/1.1\r\nHost: gateway.example\r\n\r\n`;
    assertEquals((await sent(request)).method, method);
  });
}

for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
  Deno.test(`${method} without a body stays without one`, async () => {
    const { headers, body } = await sent(`${method} /x HTTP/1.1\r\nHost: gateway.example\r\n\r\n`);
    assertEquals([headers.get("transfer-encoding"), body], [null, ""]);
  });
}

Deno.test("a small body keeps its length", async () => {
  const { headers, body } = await sent(post("Content-Length: 5\r\n", "a\0b\r\n"));
  assertEquals([headers.get("content-length"), body], ["5", "a\0b\r\n"]);
  assertEquals(headers.get("transfer-encoding"), null);
});

Deno.test("a body of length 0 stays one", async () => {
  const { headers, body } = await sent(post("Content-Length: 0\r\n"));
  assertEquals([headers.get("content-length"), body], ["0", ""]);
});

Deno.test("a large body arrives whole, framed once", async () => {
  const body = "0123456789".repeat(50_000);
  const got = await sent(post(`Content-Length: ${body.length}\r\n`, body));
  const framings = [got.headers.get("transfer-encoding"), got.headers.get("content-length")];
  assertEquals(framings.filter((framing) => framing !== null).length, 1);
  assertEquals(got.body === body, true);
});

Deno.test("a chunked body arrives whole, without its trailers", async () => {
  const chunks = "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n";
  const got = await sent(post("Trailer: X-Trailer\r\nTransfer-Encoding: chunked\r\n", chunks));
  assertEquals([got.body, got.headers.get("trailer")], ["abcde", null]);
});

Deno.test("a client that waits for 100 Continue gets it", async () => {
  await using recorder = startRecorder();
  await using gateway = gatewayFor(recorder);
  using client = await Wire.connect(gateway.port);
  await client.send(post("Expect: 100-continue\r\nContent-Length: 3\r\n"));
  assertEquals(await client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  await client.send("abc");
  expectOk(await client.answer());
  const { body, headers } = only(recorder);
  assertEquals([body, headers.get("expect")], ["abc", null]);
});

for (const framing of ["Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n"]) {
  for (const method of ["GET", "HEAD"]) {
    Deno.test(`${method} with a body (${framing.trim()}) is 501`, async () => {
      await using recorder = startRecorder();
      await using gateway = gatewayFor(recorder);
      const body = framing.startsWith("C") ? "abc" : "3\r\nabc\r\n0\r\n\r\n";
      const { status } = await ask(
        gateway.port,
        `${method} /x HTTP/1.1\r\nHost: gateway.example\r\n${framing}\r\n${body}`,
      );
      assertEquals([status, recorder.received.length], [501, 0]);
    });
  }
}

Deno.test("GET that says its body is empty goes through", async () => {
  assertEquals((await sent(get("/x", "Content-Length: 0\r\n"))).method, "GET");
});

// Headers.

/** The headers that the upstream receives with these, and no other, from the client. */
async function sentHeaders(lines: string, setup?: Setup): Promise<Headers> {
  return (await sent(get("/x", lines), setup)).headers;
}

Deno.test("every end-to-end header goes through as it is", async () => {
  const headers = {
    accept: "text/html;q=0.5",
    "accept-encoding": "identity",
    "accept-language": "is",
    authorization: "Bearer mine",
    "cache-control": "no-cache",
    cookie: "a=b; c=d",
    dnt: "1",
    "if-none-match": 'W/"a"',
    origin: "https://app.example",
    range: "bytes=0-1",
    referer: "https://app.example/x",
    "sec-fetch-mode": "cors",
    "user-agent": "mine/1.0",
    "x-request-id": "req-1",
    "x-empty": "",
    "x-utf-8": "é",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const got = await sentHeaders(lines);
  assertEquals(
    Object.fromEntries(Object.keys(headers).map((name) => [name, got.get(name)])),
    headers,
  );
});

Deno.test("headers of one connection alone do not go through", async () => {
  const got = await sentHeaders(
    "Connection: keep-alive, X-Private ,x-other,, \r\nConnection: X-Third\r\nKeep-Alive: timeout=5\r\n" +
      "Proxy-Authorization: Basic eDp5\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\n" +
      "X-Private: 1\r\nX-Other: 2\r\nX-Third: 3\r\nX-Kept: 4\r\n",
  );
  const gone = [
    "connection",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "x-private",
    "x-other",
    "x-third",
  ];
  assertEquals(gone.filter((name) => got.has(name)), []);
  assertEquals(got.get("x-kept"), "4");
});

Deno.test("Connection cannot take away what the gateway itself says", async () => {
  const got = await sentHeaders(
    "Connection: x-forwarded-for, x-forwarded-host, x-forwarded-proto, via, x-own\r\n",
    { headers: { "x-own": "1" } },
  );
  assertEquals(got.get("x-forwarded-for"), "127.0.0.1");
  assertEquals(got.get("x-forwarded-host"), "gateway.example");
  assertEquals(got.get("x-forwarded-proto"), "http");
  assertMatch(got.get("via") ?? "", /^1\.1 sluice-\w+$/);
  assertEquals(got.get("x-own"), "1");
});

Deno.test("Host is the upstream's, and the client's is in X-Forwarded-Host", async () => {
  await using recorder = startRecorder();
  await using gateway = gatewayFor(recorder);
  await askFor(gateway.port, "/x", "X-Forwarded-Host: evil.example\r\n");
  const { headers } = only(recorder);
  assertEquals(headers.get("host"), new URL(recorder.url).host);
  assertEquals(headers.get("x-forwarded-host"), "gateway.example");
});

/** What `lines` made of the headers that tell an upstream how a request came. */
async function told(lines: string, config: Partial<GatewayConfig>): Promise<unknown[]> {
  const got = await sentHeaders(lines, { config });
  const names = ["for", "proto", "host", "port", "prefix"].map((name) => `x-forwarded-${name}`);
  return [...names, "x-real-ip", "forwarded"].map((name) => got.get(name));
}

const CLAIMS = "X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\nX-Forwarded-Proto: HTTPS\r\n" +
  "X-Forwarded-Host: api.example\r\nX-Forwarded-Port: 8443\r\nX-Forwarded-Prefix: /app\r\n" +
  'X-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6, for="[2001:db8::1]:80";proto=https;host=f.example\r\n';
const OWN = ["127.0.0.1", "http", "gateway.example", "80", null, "127.0.0.1", null];

Deno.test("forwarding headers of an untrusted peer are ignored", async () => {
  assertEquals(await told(CLAIMS, {}), OWN);
  assertEquals(await told(CLAIMS, { trustedProxies: ["10.0.0.0/8"] }), OWN);
  for (const forwardedHeader of ["forwarded", "x-real-ip"]) {
    const forwarded = 'for=127.0.0.1;proto=http;host="gateway.example"';
    const expected = forwardedHeader === "forwarded" ? [...OWN.slice(0, -1), forwarded] : OWN;
    assertEquals(await told(CLAIMS, { forwardedHeader }), expected);
  }
});

Deno.test("a trusted proxy is believed, in the headers that the config names", async () => {
  const trustedProxies = ["127.0.0.1"];
  const chain = "192.0.2.1, 127.0.0.1";
  const asked = ["https", "api.example", "8443", "/app"];
  assertEquals(await told(CLAIMS, { trustedProxies }), [chain, ...asked, "192.0.2.1", null]);
  assertEquals(await told(CLAIMS, { trustedProxies, forwardedHeader: "forwarded" }), [
    "2001:db8::1, 127.0.0.1",
    ...["https", "f.example", "443", null],
    "2001:db8::1",
    'for="[2001:db8::1]";proto=https;host="f.example", for=127.0.0.1',
  ]);
  const realIp = await told(CLAIMS, { trustedProxies, forwardedHeader: "x-real-ip" });
  assertEquals(realIp.slice(0, 2), ["6.6.6.6, 127.0.0.1", "https"]);
  assertEquals(await told("", { trustedProxies }), OWN);
});

Deno.test("a stripped prefix is sent after that of a trusted proxy", async () => {
  const prefix = async (trustedProxies: string[]) => {
    const config = { trustedProxies };
    const asked = get("/v1/x", "X-Forwarded-Prefix: /app/\r\n");
    const { headers } = await sent(asked, { route: "ANY /v1/*", strip: "/v1", config });
    return headers.get("x-forwarded-prefix");
  };
  assertEquals(await prefix([]), "/v1");
  assertEquals(await prefix(["127.0.0.1"]), "/app/v1");
});

const HEARSAY = [
  "client-ip",
  "true-client-ip",
  "x-forwarded-client-cert",
  "x-forwarded-user",
];

Deno.test("who the client is, is heard of a trusted proxy alone", async () => {
  const lines = HEARSAY.map((name) => `${name}: 1\r\n`).join("");
  const heard = async (trustedProxies: string[]) => {
    const got = await sentHeaders(lines, { config: { trustedProxies } });
    return HEARSAY.filter((name) => got.has(name));
  };
  assertEquals(await heard([]), []);
  assertEquals(await heard(["127.0.0.1"]), HEARSAY);
});

Deno.test("an underscore does not smuggle a header past what removes it", async () => {
  const names = ["x_forwarded_for", "X_Forwarded-Host", "x_real_ip", "X_Original_URL", "x_other"];
  const lines = names.map((name) => `${name}: 1\r\n`).join("");
  for (const trustedProxies of [[], ["127.0.0.1"]]) {
    const got = await sentHeaders(lines, { config: { trustedProxies } });
    assertEquals(names.filter((name) => got.has(name)), ["x_other"]);
  }
});

Deno.test("what names another URL, host or method goes no further, unless the config says so", async () => {
  const names = ["X-Original-URL", "X-HTTP-Method-Override", "X-Rewrite-Url", "x-forwarded-path"];
  const lines = names.map((name) => `${name}: /admin\r\n`).join("");
  for (const trustedProxies of [[], ["127.0.0.1"]]) {
    await using recorder = startRecorder();
    await using gateway = startGateway({
      trustedProxies,
      upstreams: { it: { url: recorder.url } },
      routes: {
        "GET /x": { forward: "it" },
        "GET /y": { forward: { to: "it", passHeaders: ["X-HTTP-Method-Override"] } },
      },
    });
    for (const path of ["/x", "/y"]) await askFor(gateway.port, path, lines);
    const passed = recorder.received.map(({ headers }) =>
      names.filter((name) => headers.has(name))
    );
    assertEquals(passed, [[], ["X-HTTP-Method-Override"]]);
  }
});

Deno.test("X-Forwarded-Proto tells the connection, not what an absolute-form target claims", async () => {
  const { headers } = await sent(get("https://other.example/x"));
  assertEquals(headers.get("x-forwarded-proto"), "http");
  assertEquals(headers.get("x-forwarded-host"), "other.example"); // RFC 9112 section 3.2.2
});

Deno.test("Via is appended to", async () => {
  const got = await sentHeaders("Via: 1.0 before, 2 other (comment)\r\n");
  assertMatch(got.get("via") ?? "", /^1\.0 before, 2 other \(comment\), 1\.1 sluice-\w+$/);
});

Deno.test("the upstream's configured headers replace the client's", async () => {
  const own = { authorization: "Bearer ours", "x-own": "1", via: "1.1 odd" };
  const got = await sentHeaders("Authorization: Bearer mine\r\nX-Own: 2\r\n", { headers: own });
  assertEquals([got.get("authorization"), got.get("x-own")], ["Bearer ours", "1"]);
});

Deno.test("the client's Accept-Encoding goes through, where its response can", async () => {
  const lines = "Accept-Encoding: gzip;q=0.5, zstd\r\n";
  const asked = async (text: string, setup?: Setup) =>
    (await sentHeaders(text, setup)).get("accept-encoding");
  assertEquals(await asked(lines), "gzip;q=0.5, zstd");
  assertEquals(await asked(""), "identity");
  // fetch would decode it, and what is stored must serve every client.
  assertEquals(await asked(lines, { upstream: { transport: "fetch" } }), "identity");
  assertEquals(await asked(lines, { upstream: { cache: {} } }), "identity");
  assertEquals(await asked(lines, { headers: { "accept-encoding": "br" } }), "gzip;q=0.5, zstd");
});

// HTTP/2, which has no Host and no Connection.

Deno.test("a request over HTTP/2 goes through like any other", async () => {
  await using recorder = startRecorder();
  await using gateway = gatewayFor(recorder);
  const status = await askOverHttp2(gateway.url, {
    ":method": "POST",
    ":path": "/x?a=%2F",
    ":authority": "gateway.example",
    cookie: "a=b; c=d",
    te: "trailers",
    "content-length": "4",
  }, "body");
  assertEquals(status, 200);
  const { method, target, headers, body } = only(recorder);
  assertEquals([method, target, body], ["POST", "/x?a=%2F", "body"]);
  assertEquals([headers.get("cookie"), headers.get("te")], ["a=b; c=d", null]);
  assertEquals(headers.get("x-forwarded-host"), "gateway.example");
  assertEquals(headers.get("host"), new URL(recorder.url).host);
});

/** The status of the answer to a request over HTTP/2. */
async function askOverHttp2(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<unknown> {
  const session = connect(url);
  try {
    return await new Promise((resolve, reject) => {
      session.on("error", reject);
      const stream = session.request(headers);
      stream.on("error", reject);
      stream.on("response", (answer) => resolve(answer[":status"]));
      stream.resume();
      stream.end(body);
    });
  } finally {
    await new Promise<void>((resolve) => session.close(() => resolve()));
  }
}
