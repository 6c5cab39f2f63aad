import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { json } from "../../lib/json/json_reply.ts";
import type { AccessEntry } from "../../middleware/access_entry.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { until } from "../support/program.ts";
import { hang, startRawUpstream, startUpstream } from "../support/upstream.ts";
import { ask, askFor, chunk, Wire } from "../support/wire.ts";

/** A gateway with a good and a bad upstream. */
function startLogged(clock = new ManualClock(Date.UTC(2026, 0, 1))): TestGateway {
  return startGateway({
    maxRequestBody: "1KiB",
    upstreams: {
      good: { source: () => Promise.resolve(json({ secret: "data" })) },
      bad: { source: () => Promise.reject(new Error("secret")) },
    },
    routes: {
      "GET /users/:id": {
        gather: { user: { from: "good" }, extra: { from: "bad", optional: true } },
      },
      "GET /needs/:id": { gather: { user: { from: "good" }, extra: { from: "bad" } } },
      "ANY /files/*": { forward: "good" },
    },
  }, { clock });
}

/** What is logged of one request. */
async function logged(gateway: TestGateway, request: string): Promise<AccessEntry> {
  const before = gateway.log.length;
  await ask(gateway.port, request);
  await until(() => gateway.log.length > before, "the request is logged");
  const [entry, ...more] = gateway.log.slice(before);
  assert(entry !== undefined && more.length === 0);
  return entry;
}

function get(target: string, headers = ""): string {
  return `GET ${target} HTTP/1.1\r\nHost: gateway.example\r\n${headers}\r\n`;
}

Deno.test("a request is logged with all that is known of it", async () => {
  await using gateway = startLogged();
  const entry = await logged(gateway, get("/files/x", "X-Request-Id: req-1\r\n"));
  assertMatch(entry.client, /^[\da-f]{12}$/);
  assertEquals({ ...entry, client: "" }, {
    time: "2026-01-01T00:00:00.000Z",
    level: "info",
    message: "request",
    id: "req-1",
    method: "GET",
    path: "/files/x",
    route: "ANY /files/*",
    status: 200,
    durationMs: 0,
    client: "",
  });
});

Deno.test("a gather's parts are logged, and why they failed", async () => {
  await using gateway = startLogged();
  const { status, problem, parts } = await logged(gateway, get("/users/7"));
  assertEquals([status, problem], [200, undefined]);
  assertEquals(parts?.toSorted((a, b) => a.part < b.part ? -1 : 1), [
    { part: "extra", durationMs: 0, problem: "internal" },
    { part: "user", durationMs: 0 },
  ]);
});

Deno.test("a request that fails is logged with its problem", async () => {
  await using gateway = startLogged();
  const { status, problem, route } = await logged(gateway, get("/needs/7"));
  assertEquals([status, problem, route], [500, "internal", "GET /needs/:id"]);
});

for (
  const [request, status, problem] of [
    [get("/nowhere"), 404, "not-found"],
    [get("/files/.."), 400, "bad-request"],
    [get("/files/x", "Upgrade: websocket\r\n"), 501, "not-implemented"],
    ["POST /users/7 HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method-not-allowed"],
    ["POST /files/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n", 413, "payload-too-large"],
  ] as const
) {
  Deno.test(`a request that is refused with ${status} is logged`, async () => {
    await using gateway = startLogged();
    const entry = await logged(gateway, request);
    assertEquals([entry.status, entry.problem, entry.route], [status, problem, undefined]);
  });
}

for (
  const target of [
    "/users/7?token=hidden",
    "/files/x?token=hidden",
    "/nowhere?token=hidden",
    "/files/../x?token=hidden",
    "/files/%zz?token=hidden",
    "/files/x#?token=hidden",
    "http://user:hidden@gateway.example/files/x?token=hidden",
    "http://gateway.example?token=hidden",
  ]
) {
  Deno.test(`the query of ${target} is not logged`, async () => {
    await using gateway = startLogged();
    const entry = await logged(gateway, get(target, "Referer: http://a/?token=hidden\r\n"));
    assertEquals(JSON.stringify(entry).includes("hidden"), false, JSON.stringify(entry));
  });
}

Deno.test("neither addresses, keys nor response bodies are logged", async () => {
  await using gateway = startLogged();
  const headers = "Authorization: Bearer key-1\r\nCookie: key-2\r\nX-Api-Key: key-3\r\n";
  const text = JSON.stringify([
    await logged(gateway, get("/users/7", headers)),
    await logged(gateway, get("/needs/7", headers)),
  ]);
  for (const secret of ["127.0.0.1", "key-", "secret"]) assertEquals(text.includes(secret), false);
});

Deno.test("a client has the same hash at one gateway, and another at another", async () => {
  await using one = startLogged();
  await using other = startLogged();
  const clients = [
    (await logged(one, get("/files/1"))).client,
    (await logged(one, get("/files/2"))).client,
    (await logged(other, get("/files/1"))).client,
  ];
  assertEquals(clients[0], clients[1]);
  assertNotEquals(clients[0], clients[2]);
});

Deno.test("a request is logged when its response has been sent, not before", async () => {
  const clock = new ManualClock();
  const { promise: end, resolve } = Promise.withResolvers<void>();
  await using upstream = startRawUpstream(async (raw) => {
    await raw.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("one"));
    await end;
    await raw.send("0\r\n\r\n");
  });
  await using gateway = startGateway({
    upstreams: { slow: { url: upstream.url } },
    routes: { "ANY /*": { forward: "slow" } },
  }, { clock });
  using client = await Wire.connect(gateway.port);
  await client.send(get("/x"));
  await client.until("one");
  await clock.advance(1_234.56);
  assertEquals(gateway.log, []);
  resolve();
  await client.until("0\r\n\r\n");
  await until(() => gateway.log.length === 1, "the request is logged");
  assertEquals(gateway.log[0]?.durationMs, 1_234.6);
});

Deno.test("a request that the process's end cuts off is logged then, and once", async () => {
  const clock = new ManualClock();
  await using upstream = startUpstream(hang);
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url } },
    routes: { "GET /*": { forward: "it" } },
  }, { clock });
  using client = await Wire.connect(gateway.port);
  await client.send(get("/x"));
  await until(() => upstream.requests.length === 1, "it is in flight");
  await clock.advance(100);
  assertEquals(gateway.shutdown.end(), 1);
  const { path, status, cutOff, durationMs } = gateway.log[0] ?? {};
  assertEquals([path, status, cutOff, durationMs], ["/x", 503, true, 100]);

  await clock.advance(10_000);
  assertEquals((await client.answer()).status, 504);
  await until(() => gateway.shutdown.end() === 0, "it is over");
  assertEquals(gateway.log.length, 1);
});

Deno.test("preflights, health checks and OPTIONS are logged too", async () => {
  await using gateway = startLogged();
  const entries = [
    await logged(gateway, get("/_gateway/health/live")),
    await logged(gateway, "OPTIONS /files/x HTTP/1.1\r\nHost: a\r\n\r\n"),
    await logged(gateway, "HEAD /files/x HTTP/1.1\r\nHost: a\r\n\r\n"),
  ];
  assertEquals(entries.map(({ method, status }) => [method, status]), [
    ["GET", 200],
    ["OPTIONS", 204],
    ["HEAD", 200],
  ]);
});

Deno.test("every request is logged once, also when many come at once", async () => {
  await using upstream = startUpstream(() => new Response("ok"));
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url } },
    routes: { "ANY /*": { forward: "it" } },
  });
  const ids = Array.from({ length: 50 }, (_, index) => `req-${index}`);
  await Promise.all(ids.map((id) => askFor(gateway.port, "/x", `X-Request-Id: ${id}\r\n`)));
  await until(() => gateway.log.length >= ids.length, "all are logged");
  assertEquals(gateway.log.map(({ id }) => id).toSorted(), ids.toSorted());
});
