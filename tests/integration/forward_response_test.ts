import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { gunzipSync, gzipSync } from "node:zlib";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import type { ForwardRoute } from "../../lib/config/route.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { refusingUrl, startRawUpstream, startUpstream } from "../support/upstream.ts";
import { ask, askFor, problemKind, type WireAnswer } from "../support/wire.ts";

interface Setup {
  readonly strip?: `/${string}`;
  /** The upstream's base path. */
  readonly base?: string;
  readonly config?: Partial<GatewayConfig>;
}

function forwardTo(url: string, { strip, base = "", config = {} }: Setup = {}): TestGateway {
  const forward: ForwardRoute["forward"] = strip === undefined ? "it" : { to: "it", strip };
  return startGateway({
    upstreams: { it: { url: url + base } },
    ...config,
    routes: { "ANY /*": { forward: "it" }, [`ANY ${strip ?? "/none"}/*`]: { forward } },
  });
}

/** What the client gets of an upstream that answers with these bytes. */
async function received(
  answer: string | Uint8Array,
  request = get("/x"),
  setup?: Setup,
): Promise<WireAnswer> {
  await using upstream = startRawUpstream((raw) => raw.send(answer));
  await using gateway = forwardTo(upstream.url, setup);
  return await ask(gateway.port, request);
}

function get(target: string, headers = ""): string {
  return `GET ${target} HTTP/1.1\r\nHost: gateway.example\r\n${headers}\r\n`;
}

// Statuses and bodies.

for (const status of [200, 201, 206, 299, 301, 400, 401, 404, 429, 499, 500, 502, 503, 599]) {
  Deno.test(`an upstream's ${status} passes as it is`, async () => {
    const { headers, ...answer } = await received(
      `HTTP/1.1 ${status} Odd\r\nContent-Type: text/html\r\nRetry-After: 9\r\n` +
        `WWW-Authenticate: Basic realm="inside"\r\nContent-Length: 5\r\n\r\n<h1>!`,
    );
    assertEquals(answer, { status, body: "<h1>!" });
    assertEquals(headers.get("content-type"), "text/html");
    assertEquals(headers.get("retry-after"), "9");
    assertEquals(headers.get("www-authenticate"), 'Basic realm="inside"');
    assertEquals(headers.get("content-length"), "5");
  });
}

Deno.test("an upstream's own problem document passes as it is", async () => {
  const problem = '{"type":"about:blank","status":409}';
  const { status, headers, body } = await received(
    `HTTP/1.1 409 Conflict\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${problem.length}\r\n\r\n${problem}`,
  );
  assertEquals([status, body], [409, problem]);
  assertEquals(headers.get("content-type"), "application/problem+json");
  assertEquals(headers.get("cache-control"), null);
});

for (const [status, length] of [[204, ""], [304, ""], [304, "Content-Length: 7\r\n"]] as const) {
  Deno.test(`${status} passes without a body (${length.trim()})`, async () => {
    const answer = await received(`HTTP/1.1 ${status} Odd\r\nETag: "a"\r\n${length}\r\n`);
    assertEquals([answer.status, answer.body], [status, ""]);
    assertEquals(answer.headers.get("etag"), '"a"');
    assertEquals(answer.headers.get("transfer-encoding"), null);
  });
}

Deno.test("a connection is used again after 204 and 304", async () => {
  await using upstream = startUpstream((request) =>
    new Response(null, { status: Number(new URL(request.url).pathname.slice(1)) })
  );
  await using gateway = forwardTo(upstream.url);
  for (const status of [204, 304, 200]) {
    assertEquals((await askFor(gateway.port, `/${status}`)).status, status);
  }
});

Deno.test("a body of length 0 keeps its length", async () => {
  const { headers, body } = await received("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  assertEquals([headers.get("content-length"), body], ["0", ""]);
});

Deno.test("a chunked body arrives whole, without its trailers", async () => {
  const { headers, body } = await received(
    "HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n" +
      "3;e=1\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n",
  );
  assertEquals([headers.get("trailer"), headers.get("x-t"), body], [null, null, "abcde"]);
});

Deno.test("a body that ends with its connection arrives whole", async () => {
  assertEquals((await received("HTTP/1.1 200 OK\r\n\r\nabc")).body, "abc");
});

Deno.test("bytes pass as they are", async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  const head = new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 256\r\n\r\n");
  const { body } = await received(Uint8Array.from([...head, ...bytes]));
  assertEquals(Uint8Array.from(body, (character) => character.charCodeAt(0)), bytes);
});

Deno.test("103 Early Hints are passed over", async () => {
  const { status, body } = await received(
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  );
  assertEquals([status, body], [200, "ok"]);
});

Deno.test("HEAD is forwarded as HEAD, and has the length and no body", async () => {
  await using upstream = startRawUpstream((raw) => {
    assertStringIncludes(raw.head, "HEAD /x HTTP/1.1\r\n");
    return raw.send('HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nETag: "a"\r\n\r\n');
  });
  await using gateway = forwardTo(upstream.url);
  const { status, headers } = await ask(
    gateway.port,
    "HEAD /x HTTP/1.1\r\nHost: gateway.example\r\n\r\n",
  );
  assertEquals([status, headers.get("content-length"), headers.get("etag")], [200, "12345", '"a"']);
});

// Content codings.

const GZIP = Uint8Array.from(gzipSync("hello ".repeat(1000)));

function gzipped(): string {
  const text = Array.from(GZIP, (byte) => String.fromCharCode(byte)).join("");
  return `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n` +
    `ETag: "a"\r\nVary: Accept-Encoding\r\nContent-Length: ${GZIP.length}\r\n\r\n${text}`;
}

for (const asked of ["Accept-Encoding: gzip\r\n", ""]) {
  // `fetch` decodes what was asked for.
  const ignore = asked !== "" && Deno.env.get("TRANSPORT") === "fetch";
  Deno.test(`gzip passes untouched to a client that says "${asked.trim()}"`, {
    ignore,
  }, async () => {
    const bytes = Uint8Array.from(gzipped(), (character) => character.charCodeAt(0));
    const { headers, body } = await received(bytes, get("/x", asked));
    assertEquals(headers.get("content-encoding"), "gzip");
    assertEquals(headers.get("content-length"), String(GZIP.length));
    assertEquals(headers.get("etag"), '"a"');
    const got = Uint8Array.from(body, (character) => character.charCodeAt(0));
    assertEquals(new TextDecoder().decode(gunzipSync(got)), "hello ".repeat(1000));
  });
}

Deno.test("gzip passes unchanged where the upstream's config requests it", async () => {
  await using upstream = startUpstream(() =>
    new Response(GZIP, { headers: { "content-encoding": "gzip" } })
  );
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url, headers: { "accept-encoding": "gzip" } } },
    routes: { "ANY /*": { forward: "it" } },
  });
  assertEquals(await (await fetch(`${gateway.url}/x`)).text(), "hello ".repeat(1000));
});

Deno.test("a response without a coding gets none", async () => {
  const text = "hello ".repeat(1000);
  const { headers, body } = await received(
    `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: "a"\r\nContent-Length: 6000\r\n\r\n${text}`,
    get("/x", "Accept-Encoding: gzip, br\r\n"),
  );
  assertEquals(headers.get("content-encoding"), null);
  assertEquals(headers.get("content-length"), "6000");
  assertEquals(headers.get("etag"), '"a"');
  assertEquals(body, text);
});

// Headers.

Deno.test("every end-to-end header passes, and those of one connection alone do not", async () => {
  const { headers } = await received(
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: W/"a"\r\nCache-Control: private\r\n' +
      "Link: </a>; rel=next\r\nLink: </b>; rel=prev\r\nServer: odd/1\r\nX-Kept: 1\r\n" +
      "Connection: close, X-Private\r\nConnection: X-Other\r\nX-Private: 1\r\nX-Other: 2\r\n" +
      "Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nProxy-Connection: close\r\n" +
      "TE: trailers\r\nTrailer: X-T\r\nUpgrade: h2c\r\n\r\n",
  );
  assertEquals(headers.get("etag"), 'W/"a"');
  assertEquals(headers.get("cache-control"), "private");
  assertEquals(headers.get("link"), "</a>; rel=next, </b>; rel=prev");
  assertEquals(headers.get("server"), "odd/1");
  assertEquals(headers.get("x-kept"), "1");
  const gone = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
    "x-private",
    "x-other",
  ];
  assertEquals(gone.filter((name) => headers.has(name)), []);
});

for (const cache of [undefined, { ttl: "10s" }] as const) {
  Deno.test(`a 426 says what to upgrade to (cache: ${JSON.stringify(cache)})`, async () => {
    await using upstream = startRawUpstream((raw) =>
      raw.send(
        "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade, X-Hop\r\nX-Hop: 1\r\n" +
          "Upgrade: TLS/1.3, HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
      )
    );
    const it = { url: upstream.url, ...(cache && { cache }) };
    await using gateway = startGateway({
      upstreams: { it },
      routes: { "ANY /*": { forward: "it" } },
    });
    const { status, headers } = await askFor(gateway.port, "/x");
    const names = ["upgrade", "connection", "x-hop"];
    assertEquals([status, ...names.map((name) => headers.get(name))], [
      426,
      "TLS/1.3, HTTP/1.1",
      "upgrade",
      null,
    ]);
  });
}

Deno.test("Via is appended to, with the same name in both directions", async () => {
  await using upstream = startUpstream((request) =>
    new Response(request.headers.get("via"), { headers: { via: "1.0 cache" } })
  );
  await using gateway = forwardTo(upstream.url);
  const { headers, body } = await askFor(gateway.port, "/x");
  assertMatch(body, /^1\.1 sluice-\w+$/);
  assertEquals(headers.get("via"), `1.0 cache, ${body}`);
});

for (const config of [{}, { cors: { origins: ["https://app.example"] } }]) {
  Deno.test(`several Set-Cookie stay several (${JSON.stringify(config)})`, async () => {
    const cookies = ["a=1; Path=/, odd", "b=2; Expires=Thu, 01 Jan 2026 00:00:00 GMT", "a=3"];
    const lines = cookies.map((cookie) => `Set-Cookie: ${cookie}\r\n`).join("");
    const { headers } = await received(
      `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${lines}\r\n`,
      get("/x", "Origin: https://app.example\r\n"),
      { config },
    );
    assertEquals(headers.getSetCookie(), cookies);
  });
}

Deno.test("the request id is the gateway's, not the upstream's", async () => {
  const { headers } = await received(
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Request-Id: theirs\r\n\r\n",
    get("/x", "X-Request-Id: ours\r\n"),
  );
  assertEquals(headers.get("x-request-id"), "ours");
});

// Location.

interface Redirect extends Setup {
  readonly asked?: string;
  /** As the upstream sends it; `{up}` is its origin. */
  readonly location: string;
  /** As the client gets it; null when it does not. */
  readonly expected: string | null;
}

const V1 = { strip: "/v1", base: "/api", asked: "/v1/users/9?a" } as const;

const REDIRECTS: readonly Redirect[] = [
  { location: "{up}/next?a=b#c", expected: "/next?a=b#c" },
  { location: "/next", expected: "/next" },
  { location: "next", expected: "/next" },
  { location: "next", asked: "/a/b", expected: "/a/next" },
  { location: "../next", asked: "/a/b/c", expected: "/a/next" },
  { location: "?page=2", asked: "/a/b?page=1", expected: "/a/b?page=2" },
  { location: "", asked: "/a?b", expected: "/a?b" },
  { location: "{up}", expected: "/" },
  { location: "/a%2Fb%20c", expected: "/a%2Fb%20c" },
  { location: "https://other.example/x?y#z", expected: "https://other.example/x?y#z" },
  { location: "//other.example/x", expected: "//other.example/x" },
  { location: "mailto:a@b.example", expected: "mailto:a@b.example" },
  { location: "http://", expected: "http://" },
  { ...V1, location: "{up}/api/users/10", expected: "/v1/users/10" },
  { ...V1, location: "/api/users/10?b", expected: "/v1/users/10?b" },
  { ...V1, location: "10", expected: "/v1/users/10" },
  { ...V1, location: "../", expected: "/v1/" },
  { ...V1, location: "{up}/api", expected: "/v1" },
  { ...V1, location: "{up}/api/", expected: "/v1/" },
  { ...V1, location: "https://other.example/api/x", expected: "https://other.example/api/x" },
  { ...V1, location: "{up}/other", expected: null },
  { ...V1, location: "/", expected: null },
  { ...V1, location: "/apiary", expected: null },
  { ...V1, location: "/api/../other", expected: null },
  { base: "/api", location: "/api", expected: "/" },
  { base: "/api", location: "/api/x", expected: "/x" },
  { base: "/api/", location: "/api/x", expected: "/x" },
  { strip: "/v1", asked: "/v1/a", location: "/b", expected: "/v1/b" },
  { strip: "/v1", asked: "/v1/a", location: "b", expected: "/v1/b" },
];

for (const name of ["Location", "Content-Location"]) {
  for (const { location, asked = "/x", expected, ...setup } of REDIRECTS) {
    const { strip = "", base = "" } = setup;
    Deno.test(`${name} "${location}" of ${asked} (${strip} -> ${base}) -> ${expected}`, async () => {
      await using upstream = startRawUpstream((raw) =>
        raw.send(
          `HTTP/1.1 302 Found\r\n${name}: ${location.replace("{up}", upstream.url)}\r\n` +
            "Content-Length: 0\r\n\r\n",
        )
      );
      await using gateway = forwardTo(upstream.url, setup);
      const { headers } = await askFor(gateway.port, asked);
      assertEquals(headers.get(name), expected);
    });
  }
}

for (const [base, location] of [["", "{up}//evil.example/x"], ["/api", "/api//evil.example/x"]]) {
  Deno.test(`Location ${location} at "${base}" does not lead to another host`, async () => {
    await using upstream = startRawUpstream((raw) =>
      raw.send(
        `HTTP/1.1 302 Found\r\nLocation: ${location?.replace("{up}", upstream.url)}\r\n` +
          "Content-Length: 0\r\n\r\n",
      )
    );
    await using gateway = forwardTo(upstream.url, { base: base ?? "" });
    const { headers } = await askFor(gateway.port, "/x");
    const followed = URL.parse(headers.get("location") ?? "", gateway.url);
    assertEquals(followed?.host, new URL(gateway.url).host);
  });
}

Deno.test("a redirect is passed on, not followed", async () => {
  await using upstream = startUpstream(() =>
    new Response(null, { status: 307, headers: { location: "/again" } })
  );
  await using gateway = forwardTo(upstream.url);
  const { status } = await askFor(gateway.port, "/x");
  assertEquals([status, upstream.requests.length], [307, 1]);
});

// No answer.

interface Failing {
  readonly upstream: string;
  /** What it sends before it closes; nobody listens without. */
  readonly sends?: string;
  readonly kind: string;
}

for (
  const { upstream, sends, kind } of [
    { upstream: "does not listen", kind: "upstream-unreachable" },
    { upstream: "closes at once", sends: "", kind: "upstream-unreachable" },
    {
      upstream: "breaks off in the head",
      sends: "HTTP/1.1 200 OK\r\nA:",
      kind: "upstream-unreachable",
    },
    { upstream: "is no HTTP server", sends: "220 smtp\r\n", kind: "upstream-invalid" },
    {
      upstream: "sends half an encoding",
      sends: "HTTP/1.1 99 X\r\n\r\n",
      kind: "upstream-invalid",
    },
    { upstream: "says 600", sends: "HTTP/1.1 600 X\r\n\r\n", kind: "upstream-invalid" },
    {
      upstream: "sends two lengths",
      sends: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
      kind: "upstream-invalid",
    },
  ] satisfies readonly Failing[]
) {
  Deno.test(`an upstream that ${upstream} is 502 ${kind}`, async () => {
    await using listening = startRawUpstream((raw) => raw.send(sends ?? ""));
    const url = sends === undefined ? refusingUrl() : listening.url;
    await using gateway = forwardTo(url);
    const answer = await askFor(gateway.port, "/x");
    assertEquals([answer.status, problemKind(answer)], [502, kind]);
    const told = answer.body + JSON.stringify([...answer.headers]);
    assertEquals(told.includes("127.0.0.1") || told.includes(new URL(url).port), false, told);
    assertEquals(gateway.errors, []);
  });
}

for (
  const { name, timeout, deadline, passes, kind } of [
    { name: "timeout", timeout: "2s", deadline: "9s", passes: 2_000, kind: "upstream-timeout" },
    { name: "deadline", timeout: "9s", deadline: "2s", passes: 2_000, kind: "deadline-exceeded" },
  ] as const
) {
  Deno.test(`an upstream whose head does not come within the ${name} is 504, and left`, async () => {
    const { promise: left, resolve } = Promise.withResolvers<void>();
    const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
    await using upstream = startRawUpstream(async (raw) => {
      await raw.send("HTTP/1.1 200 OK\r\nX-Half: ");
      onAsked();
      await raw.closed().then(resolve);
    });
    const clock = new ManualClock();
    await using gateway = startGateway({
      upstreams: { slow: { url: upstream.url, timeout } },
      routes: { "ANY /*": { forward: "slow", deadline } },
    }, { clock });
    const answering = askFor(gateway.port, "/x");
    await asked;
    await clock.advance(passes - 1);
    assertEquals(gateway.log.length, 0);
    await clock.advance(1);
    const answer = await answering;
    assertEquals([answer.status, problemKind(answer)], [504, kind]);
    await left;
    assertEquals(clock.sleeping, 0);
  });
}
