import { testGuard } from "../support/test_guard.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { GatewayError } from "../../lib/core/errors.ts";
import { json } from "../../lib/json/json_reply.ts";
import { admin, type AdminOptions } from "../../middleware/admin.ts";
import { Exchange } from "../../middleware/exchange.ts";
import { Metrics } from "../../lib/observe/metrics/metrics.ts";
import { startGateway, type TestGateway, type TestGatewayOptions } from "../support/gateway.ts";
import { kvOperator } from "../../lib/operator/kv_operator.ts";
import { systemClock as clock } from "../../lib/core/clock.ts";
import { operatorRequests } from "../support/operator_requests.ts";
import { rawRequest, type RawResponse } from "../support/raw_request.ts";

const TOKEN = "the operator's own";
const BEARER = `Authorization: Bearer ${TOKEN}`;
const OURS = "X-Gateway-Operator: 1";
const ROUTES = operatorRequests();

/** What makes a request nobody's that should have it, with the status; a host stands for its port, too. */
const WRONG_ANYWHERE: readonly (readonly [name: string, headers: readonly string[]])[] = [
  ["an Origin elsewhere", ["Origin: https://evil.example"]],
  ["no Origin to speak of", ["Origin: null"]],
  ["another port's Origin", ["Origin: http://127.0.0.1:1"]],
  ["another site", ["Sec-Fetch-Site: cross-site"]],
  ["the same site", ["Sec-Fetch-Site: same-site"]],
];
const FORWARDED = [
  "Forwarded: for=127.0.0.1",
  "X-Forwarded-For: 127.0.0.1",
  "X-Forwarded-Host: localhost",
  "X-Forwarded-Proto: http",
  "X-Real-IP: 127.0.0.1",
  "Via: 1.1 nginx",
  "CF-Connecting-IP: 127.0.0.1",
  "CF-Ray: 1",
  "True-Client-IP: 127.0.0.1",
  "Fly-Client-IP: 127.0.0.1",
  "X-Envoy-External-Address: 127.0.0.1",
  "X-Client-Ip-Of-Ours: 127.0.0.1",
];
const REBOUND = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0"];
const SPELLINGS = [
  "/%5fgateway",
  "/%255fgateway",
  "/_Gateway",
  "/_gatewa%79",
  "//_gateway",
  "/_gateway;a=b",
  "/%2f_gateway",
  "/;a/_gateway",
  "/_gateway%00",
];

interface Operated extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly reached: string[];
  readonly ask: (
    method: string,
    path: string,
    asked?: { headers?: readonly string[]; host?: string; body?: string },
  ) => Promise<RawResponse>;
}

/** A gateway for whose wildcard route, and for whose pages, nothing is out of bounds. */
async function start(options: TestGatewayOptions): Promise<Operated> {
  const kv = await Deno.openKv(":memory:");
  const operator = kvOperator(kv, { clock, guard: testGuard({ clock }), onError: () => {} });
  const reached: string[] = [];
  const gateway = startGateway({
    upstreams: { it: { source: ({ path }) => Promise.resolve(json(reached.push(path))) } },
    clients: { key: "header:x-api-key", known: "kv" },
    limits: { it: { rate: "1/min", burst: 3 } },
    cors: { origins: ["*"] },
    forwardedHeader: "x-client-ip-of-ours",
    trustedProxies: ["192.0.2.1"],
    routes: { "ANY /*": { forward: "it" } },
  }, { ...options, operator, metrics: new Metrics() });
  return {
    gateway,
    reached,
    ask(method, path, { headers = [], host = `127.0.0.1:${gateway.port}`, body = "" } = {}) {
      const lines = [`Host: ${host}`, "Connection: close", `Content-Length: ${body.length}`];
      if (body !== "") lines.push("Content-Type: application/json");
      const head = [`${method} ${path} HTTP/1.1`, ...lines, ...headers].join("\r\n");
      return rawRequest(gateway.port, `${head}\r\n\r\n${body}`);
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      kv.close();
    },
  };
}

function assertRefused(answer: RawResponse, status: number, why: string): void {
  assertEquals(answer.status, status, `${why}: ${answer.head}\n${answer.body}`);
  assertMatch(answer.head, /application\/problem\+json/, why);
  assert(!/access-control-/i.test(answer.head), `${why}: no page reads it`);
  if (status === 401) assertMatch(answer.head, /www-authenticate: bearer/i, why);
  const { detail } = JSON.parse(answer.body);
  assert(detail.length > 20, `${why}: says what to do`);
}

Deno.test("without a token only the operator's own machine is served", async () => {
  await using it = await start({});
  for (const host of ["localhost", "LOCALHOST:80", "127.9.9.9", "[::1]:8000"]) {
    assertEquals((await it.ask("GET", "/_gateway/cache", { host })).status, 200, host);
  }
  const own = [`Origin: http://127.0.0.1:${it.gateway.port}`, "Sec-Fetch-Site: same-origin"];
  assertEquals((await it.ask("GET", "/_gateway/cache", { headers: own })).status, 200);
  for (const { method, target: path, body } of ROUTES) {
    const ours = { ...(body !== undefined && { body }) };
    const why = `${method} ${path}`;
    for (const header of FORWARDED) {
      const headers = [header, OURS];
      assertRefused(await it.ask(method, path, { ...ours, headers }), 401, `${why} ${header}`);
    }
    for (const [name, wrong] of WRONG_ANYWHERE) {
      const headers = [...wrong, OURS];
      assertRefused(await it.ask(method, path, { ...ours, headers }), 403, `${why} ${name}`);
    }
    for (const host of REBOUND) {
      const headers = [OURS, `Origin: http://${host}`, "Sec-Fetch-Site: same-origin"];
      assertRefused(await it.ask(method, path, { ...ours, headers, host }), 403, `${why} ${host}`);
    }
    if (method === "GET") {
      assertEquals((await it.ask("HEAD", path, { host: "evil.example" })).status, 403, why);
    } else {
      const headers = ["Content-Type: text/plain"];
      assertRefused(await it.ask(method, path, { headers }), 403, `${why} as a form`);
      assertRefused(await it.ask(method, path), 403, `${why} with nothing`);
    }
  }
  const { body } = await it.ask("GET", "/_gateway/clients");
  assertEquals(JSON.parse(body).clients, [], "nothing was changed");
  // The same requests, made as they should be.
  for (const { method, target: path, body, isComplete } of ROUTES) {
    if (!isComplete) continue;
    const asked = { headers: [OURS], ...(body !== undefined && { body }) };
    const answer = await it.ask(method, path, asked);
    assertEquals(Math.floor(answer.status / 100), 2, `${method} ${path}: ${answer.body}`);
    assert(!/access-control-/i.test(answer.head), `${method} ${path}`);
  }
});

Deno.test("with the token any request is served, except from a page of another origin", async () => {
  await using it = await start({ adminToken: TOKEN });
  for (const { method, target: path, body, isComplete } of ROUTES) {
    const ours = { ...(body !== undefined && { body }) };
    const why = `${method} ${path}`;
    for (const shown of [OURS, "Authorization: Bearer wrong", `Authorization: Basic ${TOKEN}`]) {
      assertRefused(await it.ask(method, path, { ...ours, headers: [shown] }), 401, why);
    }
    for (const [name, wrong] of WRONG_ANYWHERE) {
      const headers = [...wrong, BEARER];
      assertRefused(await it.ask(method, path, { ...ours, headers }), 403, `${why} ${name}`);
    }
    if (!isComplete) continue;
    const headers = [BEARER, "X-Forwarded-For: 192.0.2.7"];
    const answer = await it.ask(method, path, { ...ours, headers, host: "gateway.example" });
    assertEquals(Math.floor(answer.status / 100), 2, `${why}: ${answer.body}`);
  }
});

Deno.test("on a hosted platform no request is served without a token", async () => {
  await using it = await start({ isHosted: true });
  for (const { method, target: path, body } of ROUTES) {
    const asked = { headers: [OURS], ...(body !== undefined && { body }) };
    assertRefused(await it.ask(method, path, asked), 401, `${method} ${path}`);
  }
});

Deno.test("another spelling reaches neither the gateway's own routes nor a wildcard", async () => {
  await using it = await start({});
  for (const { method, target: path, body } of ROUTES) {
    for (const spelling of SPELLINGS) {
      const asked = { headers: [OURS], ...(body !== undefined && { body }) };
      const target = path.replace("/_gateway", spelling);
      assertRefused(await it.ask(method, target, asked), 404, `${method} ${target}`);
    }
  }
  const more = [
    "/_gateway",
    "/_gateway/%62uckets",
    "/_gateway/buckets;a",
    "/_gateway//cache",
  ];
  for (const target of more) assertRefused(await it.ask("GET", target), 404, target);
  for (const target of ["/_gateway/%2e%2e", "/_gateway/..;a/x"]) {
    assertRefused(await it.ask("GET", target), 400, target);
  }
  assertEquals(it.reached, []);
  for (const path of ["/gateway", "/_gatewayx", "/a/_gateway", "/_g", "/%5fgate"]) {
    assertEquals((await it.ask("GET", path)).status, 200, path);
  }
});

Deno.test("no preflight of a page is allowed for the gateway's own routes", async () => {
  await using it = await start({});
  for (const path of ["/_gateway/clients", "/_gateway/health/ready", "/%5fgateway/clients"]) {
    const { head } = await it.ask("OPTIONS", path, {
      headers: ["Origin: https://app.example", "Access-Control-Request-Method: POST"],
    });
    assert(!/access-control-/i.test(head), head);
  }
});

Deno.test("without a token only this machine's own addresses are the operator's", async () => {
  const options: AdminOptions = { tokens: [], isHosted: false, forwardedHeader: "x" };
  const { before } = admin(options);
  const asked = async (remoteAddress: string) => {
    const env = { remoteAddress, scheme: "http", completed: Promise.resolve() } as const;
    const c = new Exchange(
      new Request("http://localhost/", { headers: { host: "localhost" } }),
      env,
    );
    try {
      await before?.(c);
      return "welcome";
    } catch (error) {
      return error instanceof GatewayError ? error.kind : String(error);
    }
  };
  for (const address of ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"]) {
    assertEquals(await asked(address), "welcome", address);
  }
  for (
    const address of ["192.0.2.1", "::", "::ffff:192.0.2.1", "127.0.0.1.example", "0.0.0.0", ""]
  ) {
    assertEquals(await asked(address), "unauthorized", address);
  }
});
