import { assertEquals, assertNotEquals } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import type { RouteKey } from "../../lib/config/route.ts";
import { KINDS } from "../../lib/core/errors.ts";
import { json } from "../../lib/json/json_reply.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { property } from "../support/random.ts";
import { ask, askFor, problemKind, type WireAnswer } from "../support/wire.ts";

/** A gateway whose routes each answer with their own key. */
function gatewayWith(keys: readonly RouteKey[]): TestGateway {
  const upstreams: Record<string, { source: () => Promise<ReturnType<typeof json>> }> = {};
  const routes: Record<RouteKey, GatewayConfig["routes"][RouteKey]> = {};
  keys.forEach((key, index) => {
    upstreams[`u${index}`] = { source: () => Promise.resolve(json(key)) };
    routes[key] = { forward: `u${index}` };
  });
  return startGateway({ upstreams, routes });
}

/** The key of the route that answers; the kind of problem when none does. */
function answering(answer: WireAnswer): unknown {
  return problemKind(answer) ?? JSON.parse(answer.body);
}

function send(port: number, method: string, target: string, headers = ""): Promise<WireAnswer> {
  return ask(port, `${method} ${target} HTTP/1.1\r\nHost: gateway.example\r\n${headers}\r\n`);
}

// Precedence.

const KEYS: readonly RouteKey[] = [
  "GET /users",
  "GET /users/*",
  "ANY /users/*",
  "GET /users/me",
  "GET /users/:id",
  "POST /users/:id",
  "ANY /users/:id",
  "GET /users/:id/posts",
  "GET /users/me/*",
  "GET /files/*",
  "GET /:kind/:id",
  "PUT /a+b/(c)/$d'e!~,;=@",
];

const ANSWERS: readonly (readonly [method: string, target: string, key: string])[] = [
  ["GET", "/users", "GET /users"],
  ["POST", "/users", "ANY /users/*"],
  ["GET", "/users/", "GET /users/*"],
  ["GET", "/users/me", "GET /users/me"],
  ["GET", "/users/m%65?x=/users/7", "GET /users/me"],
  ["POST", "/users/me", "POST /users/:id"],
  ["GET", "/users/7", "GET /users/:id"],
  ["PUT", "/users/7", "ANY /users/:id"],
  ["DELETE", "/users/7", "ANY /users/:id"],
  ["GET", "/users/7/posts", "GET /users/:id/posts"],
  ["GET", "/users/me/posts", "GET /users/me/*"],
  ["GET", "/users/me/", "GET /users/me/*"],
  ["GET", "/users/7/other", "GET /users/*"],
  ["PUT", "/users/7/posts", "ANY /users/*"],
  ["GET", "/users/a%2Fb", "GET /users/:id"],
  ["GET", "/users/a%0Ab", "GET /users/:id"],
  ["GET", "/users/7/a%0Ab/c", "GET /users/*"],
  ["GET", "/users/7/%E2%80%A8", "GET /users/*"],
  ["GET", "/files", "GET /files/*"],
  ["GET", "/files/", "GET /files/*"],
  ["GET", "/files/a", "GET /files/*"],
  ["POST", "/files/a", "method-not-allowed"],
  ["GET", "/filesystem", "not-found"],
  ["GET", "/other/7", "GET /:kind/:id"],
  ["GET", "/other/", "not-found"],
  ["GET", "//7", "not-found"],
  ["GET", "/Users", "not-found"],
  ["GET", "/", "not-found"],
  ["PUT", "/a+b/(c)/$d'e!~,;=@", "PUT /a+b/(c)/$d'e!~,;=@"],
  ["PUT", "/a b/(c)/$d'e!~,;=@", "not-http"],
  ["PUT", "/aab/c/$d'e!~,;=@", "not-found"],
];

property("the most specific route answers, whatever its place", 12, async (random) => {
  const keys = random.shuffle(KEYS);
  await using gateway = gatewayWith(keys);
  for (const [method, target, key] of ANSWERS) {
    const got = answering(await send(gateway.port, method, target));
    assertEquals(got, key, `${method} ${target} of ${keys.join(", ")}`);
  }
});

// Methods.

for (const target of ["/parts", "/_gateway/health/live", "/_gateway/problems/loop"]) {
  Deno.test(`HEAD ${target} is GET without its body, and has its length`, async () => {
    await using gateway = startGateway({
      upstreams: { own: { source: () => Promise.resolve(json("it")) } },
      routes: { "GET /parts": { gather: { it: { from: "own" } } } },
    });
    const got = await askFor(gateway.port, target);
    const head = await send(gateway.port, "HEAD", target);
    assertEquals(head.status, 200);
    for (const name of ["content-type", "content-length", "gateway-complete", "cache-control"]) {
      assertEquals(head.headers.get(name), got.headers.get(name), name);
    }
  });
}

Deno.test("HEAD of a problem has no body, and does not claim that GET has none", async () => {
  await using gateway = gatewayWith(["POST /x"]);
  for (const [target, status] of [["/nowhere", 404], ["/x", 405], ["/%2e", 400]] as const) {
    const { status: got, headers } = await send(gateway.port, "HEAD", target);
    assertEquals([got, headers.get("content-type")], [status, "application/problem+json"]);
    assertNotEquals(headers.get("content-length"), "0");
  }
});

for (
  const [target, allow] of [
    ["/one", "GET, HEAD, OPTIONS"],
    ["/two/7?x", "DELETE, GET, HEAD, OPTIONS, POST"],
    ["/%74wo/7", "DELETE, GET, HEAD, OPTIONS, POST"],
    ["/any", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"],
    ["/_gateway/health/live", "GET, HEAD, OPTIONS"],
    ["/_gateway/health/ready", "GET, HEAD, OPTIONS"],
    ["/_gateway/problems/loop", "GET, HEAD, OPTIONS"],
  ] as const
) {
  Deno.test(`OPTIONS ${target} is 204 and allows ${allow}`, async () => {
    await using gateway = gatewayWith([
      "GET /one",
      "GET /two/:id",
      "POST /two/7",
      "DELETE /two/*",
      "ANY /any/*",
    ]);
    const { status, headers } = await send(gateway.port, "OPTIONS", target);
    assertEquals([status, sorted(headers.get("allow"))], [204, allow]);
    assertEquals(headers.get("content-length"), null);
    assertNotEquals(headers.get("x-request-id"), null);
  });
}

Deno.test("OPTIONS * is 204 and allows what any route does", async () => {
  await using gateway = gatewayWith(["GET /one", "DELETE /two/*"]);
  const { status, headers } = await send(gateway.port, "OPTIONS", "*");
  assertEquals([status, sorted(headers.get("allow"))], [204, "DELETE, GET, HEAD, OPTIONS"]);
});

Deno.test("OPTIONS of a path that no route has is 404", async () => {
  await using gateway = gatewayWith(["GET /one"]);
  const answer = await send(gateway.port, "OPTIONS", "/nowhere");
  assertEquals([answer.status, problemKind(answer)], [404, "not-found"]);
});

for (const method of ["POST", "PUT", "DELETE", "PROPFIND", "get", "Get", "head"]) {
  Deno.test(`${method} of a path that answers GET alone is 405, with what it allows`, async () => {
    await using gateway = gatewayWith(["GET /one"]);
    const answer = await send(gateway.port, method, "/one", "Content-Length: 0\r\n");
    assertEquals([answer.status, problemKind(answer)], [405, "method-not-allowed"]);
    assertEquals(sorted(answer.headers.get("allow")), "GET, HEAD, OPTIONS");
  });
}

for (const method of ["TRACE", "TRACK", "CONNECT", "trace", "connect", "get", "head", "options"]) {
  Deno.test(`${method}, even where ANY stands, is 4xx or 501, and nobody is asked`, async () => {
    let asked = 0;
    await using gateway = startGateway({
      upstreams: { own: { source: () => Promise.resolve(json(++asked)) } },
      routes: { "ANY /*": { forward: "own" } },
    });
    const target = method === "CONNECT" ? "gateway.example:80" : "/x";
    const { status } = await send(gateway.port, method, target);
    assertEquals(status === 501 || (status >= 400 && status < 500), true, String(status));
    assertEquals(asked, 0);
  });
}

for (const method of ["TRACE", "CONNECT"]) {
  Deno.test(`${method} is 501`, async () => {
    await using gateway = gatewayWith(["ANY /*"]);
    const target = method === "CONNECT" ? "gateway.example:80" : "/x";
    const answer = await send(gateway.port, method, target);
    assertEquals([answer.status, problemKind(answer)], [501, "not-implemented"]);
  });
}

const WEBSOCKET = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

for (
  const [protocol, status] of [
    ["websocket", 501],
    ["WebSocket", 501],
    ["h2c, websocket/13", 501],
    ["h2c", 200],
    ["TLS/1.0, websocketish", 200],
    ["", 200],
  ] as const
) {
  Deno.test(`an upgrade to "${protocol}" is ${status}`, async () => {
    await using gateway = gatewayWith(["ANY /*"]);
    const headers = `Connection: Upgrade\r\nUpgrade: ${protocol}\r\n${WEBSOCKET}`;
    const answer = await askFor(gateway.port, "/x", headers);
    assertEquals(answer.status, status);
    assertEquals(problemKind(answer), status === 501 ? "not-implemented" : undefined);
    assertEquals(answer.headers.get("upgrade"), null);
  });
}

// The gateway's own.

for (
  const [target, status] of [
    ["/_gateway", 404],
    // The dashboard, at a Host that is not known to be the operator's.
    ["/_gateway/", 403],
    ["/_gateway/x", 404],
    ["/%5Fgateway/x", 404],
    ["/_gateway%2Fx/y", 404],
  ] as const
) {
  for (const method of ["GET", "POST"]) {
    Deno.test(`${method} ${target} is the gateway's own, not the wildcard's`, async () => {
      await using gateway = gatewayWith(["ANY /*", "ANY /:a/*", "ANY /:a/:b"]);
      const answer = await send(gateway.port, method, target, "Content-Length: 0\r\n");
      assertEquals(answer.status, status, answer.body);
    });
  }
}

Deno.test("the gateway's own paths allow GET only, also with a wildcard route", async () => {
  await using gateway = gatewayWith(["ANY /*"]);
  for (const path of ["health/live", "health/ready", "problems/loop"]) {
    assertEquals((await askFor(gateway.port, `/_gateway/${path}`)).status, 200);
    const answer = await send(gateway.port, "DELETE", `/_gateway/${path}`);
    assertEquals([answer.status, sorted(answer.headers.get("allow"))], [405, "GET, HEAD, OPTIONS"]);
  }
});

for (const kind of Object.keys(KINDS)) {
  Deno.test(`/_gateway/problems/${kind} says what to do about it`, async () => {
    await using gateway = gatewayWith(["GET /x"]);
    const { status, body } = await askFor(gateway.port, `/_gateway/problems/${kind}`);
    const document: Record<string, unknown> = JSON.parse(body);
    assertEquals([status, document["kind"]], [200, kind]);
    for (const key of ["title", "advice", "blame"]) assertEquals(typeof document[key], "string");
    assertEquals(typeof document["status"], "number");
  });
}

for (const kind of ["nothing", "constructor", "__proto__", "a%2Fb", "%0a"]) {
  Deno.test(`/_gateway/problems/${kind} is 404`, async () => {
    await using gateway = gatewayWith(["GET /x"]);
    const answer = await askFor(gateway.port, `/_gateway/problems/${kind}`);
    assertEquals([answer.status, problemKind(answer)], [404, "not-found"]);
  });
}

Deno.test("a problem's type is a path of this gateway", async () => {
  await using gateway = gatewayWith(["GET /x"]);
  const { body } = await askFor(gateway.port, "/nowhere");
  const { type, detail } = JSON.parse(body);
  assertEquals(detail, "no route matches /nowhere");
  assertEquals((await askFor(gateway.port, type)).status, 200);
});

function sorted(list: string | null): string {
  return list?.split(", ").toSorted().join(", ") ?? "";
}
