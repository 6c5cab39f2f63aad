import { assert, assertEquals, assertMatch } from "@std/assert";
import { startGateway } from "../support/gateway.ts";
import { startGuarded } from "../support/guarded.ts";
import { until } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";
import { ask, askFor, problemKind, Wire } from "../support/wire.ts";

// Two requests, of which a gateway and an upstream would see different borders.

const SMUGGLED = "GET /api/smuggled HTTP/1.1\r\nHost: gateway.example\r\n\r\n";

interface Smuggling {
  readonly name: string;
  readonly headers: string;
  readonly body: string;
  readonly version?: string;
}

const REFUSED: readonly Smuggling[] = [
  {
    name: "a length before chunks",
    headers: "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    body: `0\r\n\r\n${SMUGGLED}`,
  },
  {
    name: "chunks before a length",
    headers: "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    body: `0\r\n\r\n${SMUGGLED}`,
  },
  { name: "two lengths", headers: "Content-Length: 0\r\nContent-Length: 5\r\n", body: SMUGGLED },
  { name: "two lengths in one", headers: "Content-Length: 0, 5\r\n", body: SMUGGLED },
  { name: "a signed length", headers: "Content-Length: +5\r\n", body: SMUGGLED },
  { name: "a negative length", headers: "Content-Length: -1\r\n", body: SMUGGLED },
  { name: "a hexadecimal length", headers: "Content-Length: 0x5\r\n", body: SMUGGLED },
  { name: "a length beyond all", headers: `Content-Length: ${"9".repeat(30)}\r\n`, body: SMUGGLED },
  { name: "an empty length", headers: "Content-Length: \r\n", body: SMUGGLED },
  { name: "a coding after chunked", headers: "Transfer-Encoding: chunked, identity\r\n", body: "" },
  { name: "a coding that is none", headers: "Transfer-Encoding: xchunked\r\n", body: "" },
  { name: "identity", headers: "Transfer-Encoding: identity\r\n", body: "" },
  {
    name: "a space before the colon",
    headers: "Transfer-Encoding : chunked\r\n",
    body: "0\r\n\r\n",
  },
  { name: "a folded line", headers: "X-A: a\r\n b\r\n", body: "" },
  { name: "a folded Transfer-Encoding", headers: "Transfer-Encoding:\r\n chunked\r\n", body: "" },
  { name: "a header without a name", headers: ": a\r\n", body: "" },
  { name: "a header without a colon", headers: "X-A\r\n", body: "" },
  { name: "NUL in a value", headers: "X-A: a\0b\r\n", body: "" },
  { name: "a bare CR in a value", headers: "X-A: a\rb\r\n", body: "" },
  {
    name: "chunks in HTTP/1.0",
    headers: "Transfer-Encoding: chunked\r\n",
    body: `0\r\n\r\n${SMUGGLED}`,
    version: "HTTP/1.0",
  },
];

for (const { name, headers, body, version = "HTTP/1.1" } of REFUSED) {
  Deno.test(`${name} is 400, ends the connection, and nobody is asked`, async () => {
    await using guarded = startGuarded();
    using client = await Wire.connect(guarded.gateway.port);
    await client.send(`POST /api/x ${version}\r\nHost: gateway.example\r\n${headers}\r\n${body}`);
    assertEquals((await client.answer()).status, 400);
    assertEquals(await client.rest(), "");
    assertEquals(guarded.takeTargets(), []);
  });
}

Deno.test("a request within a body stays one", async () => {
  await using guarded = startGuarded();
  using client = await Wire.connect(guarded.gateway.port);
  for (const method of ["POST", "GET", "DELETE"]) {
    await client.send(
      `${method} /api/x HTTP/1.1\r\nHost: gateway.example\r\n` +
        `Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    );
    await client.answer();
    await client.send("GET /api/next HTTP/1.1\r\nHost: gateway.example\r\n\r\n");
    assertEquals((await client.answer()).status, 200);
    assertEquals(guarded.takeTargets().filter((target) => target !== "/public/api/x"), [
      "/public/api/next",
    ]);
  }
});

Deno.test("a refused request's body is not taken for the next request", async () => {
  await using guarded = startGuarded();
  using client = await Wire.connect(guarded.gateway.port);
  await client.send(
    `POST /api/.. HTTP/1.1\r\nHost: gateway.example\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n` +
      SMUGGLED,
  );
  assertEquals((await client.answer()).status, 400);
  await client.send("GET /api/next HTTP/1.1\r\nHost: gateway.example\r\n\r\n");
  await client.answer().catch(() => undefined);
  assertEquals(guarded.takeTargets().includes("/public/api/smuggled"), false);
});

Deno.test("pipelined requests get their responses in order", async () => {
  await using guarded = startGuarded();
  using client = await Wire.connect(guarded.gateway.port);
  const paths = ["/api/1", "/api/2", "/api/.%2e", "/users/3"];
  await client.send(
    paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: gateway.example\r\n\r\n`).join(""),
  );
  const statuses: number[] = [];
  for (const _ of paths) statuses.push((await client.answer()).status);
  assertEquals(statuses, [200, 200, 400, 200]);
  assertEquals(guarded.takeTargets(), ["/public/api/1", "/public/api/2", "/public/users/3"]);
});

Deno.test("no header that a client names goes out twice, with CR, LF or NUL", async () => {
  await using guarded = startGuarded();
  for (const character of ["\r", "\n", "\0"]) {
    const headers = `X-Value: a${character}X-Evil: 1\r\n`;
    const { status } = await askFor(guarded.gateway.port, "/head", headers);
    // A bare LF ends a line (RFC 9112 section 2.2); then there are two headers, and "a" is the value.
    assertEquals(status, character === "\n" ? 200 : 400);
  }
  assertEquals(guarded.takeTargets(), ["/public/head/a"]);
});

// Too much of it.

for (
  const [name, request] of [
    ["a header of 300 KB", `GET /api/x HTTP/1.1\r\nHost: a\r\nX-A: ${"a".repeat(300_000)}\r\n\r\n`],
    ["1,000 headers", `GET /api/x HTTP/1.1\r\nHost: a\r\n${"X-A: a\r\n".repeat(1000)}\r\n`],
    ["a target of 300 KB", `GET /api/${"a".repeat(300_000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
    ["a method of 300 KB", `${"A".repeat(300_000)} /api/x HTTP/1.1\r\nHost: a\r\n\r\n`],
  ] as const
) {
  Deno.test(`${name} is refused, and the next client is served`, async () => {
    await using guarded = startGuarded();
    using client = await Wire.connect(guarded.gateway.port);
    await client.send(request).catch(() => {});
    // The answer may be lost when the connection is reset under what is still being sent.
    const text = await client.rest();
    assert(text === "" || /^HTTP\/1\.1 4\d\d /.test(text), text);
    assertEquals((await askFor(guarded.gateway.port, "/api/next")).status, 200);
    assertEquals(guarded.takeTargets(), ["/public/api/next"]);
  });
}

Deno.test("a header of 30 KB goes through", async () => {
  await using guarded = startGuarded();
  const { status } = await askFor(guarded.gateway.port, "/api/x", `X-A: ${"a".repeat(30_000)}\r\n`);
  assertEquals(status, 200);
});

for (
  const garbage of [
    "garbage\r\n\r\n",
    "GET /api/x\r\n\r\n",
    "GET /api/x HTTP/3.0\r\n\r\n",
    "\x16\x03\x01\x02\r\n\r\n",
  ]
) {
  Deno.test(`${JSON.stringify(garbage)} is no request`, async () => {
    await using guarded = startGuarded();
    const { status, headers } = await ask(guarded.gateway.port, garbage);
    assertEquals([status, headers.get("content-length")], [400, "0"]);
    assertEquals(guarded.takeTargets(), []);
  });
}

// The request's id, which goes into logs, headers and documents.

for (
  const id of [
    "",
    " ",
    "a b",
    "-a",
    "a\tb",
    "a;b",
    'a"b',
    "a'b",
    "<script>",
    "a,b",
    "${jndi:ldap://evil.example}",
    "a%0ab",
    "a\\nb",
    "é",
    "\u001b[31m".slice(1),
    "a".repeat(129),
    "{}",
  ]
) {
  Deno.test(`the X-Request-Id ${JSON.stringify(id.slice(0, 30))} is replaced`, async () => {
    await using guarded = startGuarded();
    const answer = await askFor(guarded.gateway.port, "/nowhere", `X-Request-Id: ${id}\r\n`);
    const given = answer.headers.get("x-request-id") ?? "";
    assertMatch(given, /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
    assertEquals(problemKind(answer), "not-found");
    await until(() => guarded.gateway.log.length === 1, "the request is logged");
    assertEquals(guarded.gateway.log[0]?.id, given);
  });
}

for (const id of ["a", "A0._~+/=-z", "01J9Z3K8Q7", "a".repeat(128), "aGVsbG8="]) {
  Deno.test(`the X-Request-Id ${id.slice(0, 30)} is kept`, async () => {
    await using guarded = startGuarded();
    const answer = await askFor(guarded.gateway.port, "/nowhere", `X-Request-Id: ${id}\r\n`);
    assertEquals([answer.headers.get("x-request-id"), problemKind(answer)], [id, "not-found"]);
    await until(() => guarded.gateway.log.length === 1, "the request is logged");
    assertEquals(guarded.gateway.log[0]?.id, id);
  });
}

Deno.test("two X-Request-Id are none", async () => {
  await using guarded = startGuarded();
  const { headers } = await askFor(
    guarded.gateway.port,
    "/x",
    "X-Request-Id: a\r\nX-Request-Id: b\r\n",
  );
  assertMatch(headers.get("x-request-id") ?? "", /^[\da-f-]{36}$/);
});

for (
  const body of [
    'Content-Length: 100\r\n\r\n{"x":',
    `Content-Length: 200000\r\n\r\n{"x":`,
    'Transfer-Encoding: chunked\r\n\r\n5\r\n{"x":\r\n',
  ]
) {
  Deno.test(`who stops sending and still reads is told 400, and logged as 499 (${body.slice(0, 22)})`, async () => {
    await using upstream = startUpstream(async (request) => new Response(await request.text()));
    await using gateway = startGateway({
      upstreams: { up: { url: upstream.url } },
      routes: {
        "POST /forward": { forward: "up" },
        "POST /part": { gather: { a: { from: "up", method: "POST", body: { x: "{body.x}" } } } },
        "POST /batch": { batch: {} },
      },
    });
    for (const path of ["/forward", "/part", "/batch"]) {
      using client = await Wire.connect(gateway.port);
      await client.send(`POST ${path} HTTP/1.1\r\nHost: a\r\n${body}`);
      await client.connection.closeWrite();
      const answer = await client.answer();
      assertEquals([answer.status, problemKind(answer)], [400, "bad-request"], path);
    }
    await until(() => gateway.log.length === 3, "three lines in the log");
    assertEquals(gateway.log.map(({ status, problem }) => [status, problem]), [
      [499, "cancelled"],
      [499, "cancelled"],
      [499, "cancelled"],
    ]);
  });
}
