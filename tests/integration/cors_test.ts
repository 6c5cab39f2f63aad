import { assertEquals } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { json } from "../../lib/json/json_reply.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { startRawUpstream } from "../support/upstream.ts";
import { ask, askFor, problemKind, type WireAnswer } from "../support/wire.ts";

const APP = "https://app.example";
const OTHER = "https://other.example";

/** A gateway with a few routes, which counts how often a function was asked. */
interface Counting extends TestGateway {
  readonly asked: () => number;
}

function startCounting(cors?: GatewayConfig["cors"]): Counting {
  let asked = 0;
  const gateway = startGateway({
    ...(cors && { cors }),
    upstreams: { own: { source: () => Promise.resolve(json(++asked)) } },
    maxRequestBody: "1KiB",
    routes: {
      "GET /parts": { gather: { it: { from: "own" } } },
      "GET /users/:id": { forward: "own" },
      "DELETE /users/:id": { forward: "own" },
      "ANY /any/*": { forward: "own" },
    },
  });
  return Object.assign(gateway, { asked: () => asked });
}

function origin(name: string): string {
  return `Origin: ${name}\r\n`;
}

function preflight(
  { port }: TestGateway,
  target: string,
  from: string,
  headers = "",
): Promise<WireAnswer> {
  return ask(
    port,
    `OPTIONS ${target} HTTP/1.1\r\nHost: gateway.example\r\n${origin(from)}` +
      `Access-Control-Request-Method: DELETE\r\n${headers}\r\n`,
  );
}

function varies({ headers }: WireAnswer): string[] {
  return headers.get("vary")?.split(",").map((name) => name.trim().toLowerCase()) ?? [];
}

function allowed({ headers }: WireAnswer): (string | null)[] {
  return [
    headers.get("access-control-allow-origin"),
    headers.get("access-control-allow-credentials"),
  ];
}

// Requests.

for (const target of ["/parts", "/users/7", "/any/x"]) {
  Deno.test(`a page of an origin that is listed may read ${target}`, async () => {
    await using gateway = startCounting({ origins: [OTHER, APP] });
    const answer = await askFor(gateway.port, target, origin(APP));
    assertEquals([answer.status, ...allowed(answer)], [200, APP, null]);
    assertEquals(varies(answer).includes("origin"), true);
  });
}

for (
  const from of [OTHER, "null", "https://app.example.evil.example", "http://app.example", APP + "/"]
) {
  Deno.test(`a page of ${from} may not read an answer that ${APP} may`, async () => {
    await using gateway = startCounting({ origins: [APP] });
    const answer = await askFor(gateway.port, "/users/7", origin(from));
    assertEquals([answer.status, allowed(answer)[0]], [200, null]);
    assertEquals(varies(answer).includes("origin"), true);
  });
}

Deno.test("a response to a request without Origin varies by it too", async () => {
  await using gateway = startCounting({ origins: [APP] });
  const answer = await askFor(gateway.port, "/parts");
  assertEquals(allowed(answer)[0], null);
  assertEquals(varies(answer).toSorted(), ["accept", "origin", "prefer"]);
});

Deno.test("with * every page may read, and nothing varies by origin", async () => {
  await using gateway = startCounting({ origins: ["*"] });
  const answer = await askFor(gateway.port, "/parts", origin(OTHER));
  assertEquals(allowed(answer), ["*", null]);
  assertEquals(varies(answer).toSorted(), ["accept", "prefer"]);
});

Deno.test("with credentials the origin is named, and credentials allowed", async () => {
  await using gateway = startCounting({ origins: [APP], credentials: true });
  assertEquals(allowed(await askFor(gateway.port, "/users/7", origin(APP))), [APP, "true"]);
  assertEquals(allowed(await preflight(gateway, "/users/7", APP)), [APP, "true"]);
});

Deno.test("without cors no page of another origin may read", async () => {
  await using gateway = startCounting();
  const answers = [
    await askFor(gateway.port, "/users/7", origin(APP)),
    await preflight(gateway, "/users/7", APP),
  ];
  for (const { headers } of answers) {
    const names = [...headers.keys()].filter((name) => name.startsWith("access-control-"));
    assertEquals(names, []);
  }
});

Deno.test("a page may read the headers about the response", async () => {
  await using gateway = startCounting({ origins: [APP] });
  const { headers } = await askFor(gateway.port, "/parts", origin(APP));
  const exposed = headers.get("access-control-expose-headers")?.toLowerCase().split(/,\s*/) ?? [];
  for (const name of ["gateway-complete", "retry-after", "server-timing", "x-request-id"]) {
    assertEquals(exposed.includes(name), true, name);
  }
});

// Preflights.

Deno.test("a preflight gets the methods of the path at once", async () => {
  await using gateway = startCounting({ origins: [APP] });
  const answer = await preflight(
    gateway,
    "/users/7",
    APP,
    "Access-Control-Request-Headers: x-a, Content-Type\r\n",
  );
  const { status, headers, body } = answer;
  assertEquals([status, body, allowed(answer)[0]], [204, "", APP]);
  const methods = headers.get("access-control-allow-methods")?.split(",") ?? [];
  assertEquals(methods.map((method) => method.trim()).toSorted(), [
    "DELETE",
    "GET",
    "HEAD",
    "OPTIONS",
  ]);
  assertEquals(headers.get("access-control-allow-headers"), "x-a,Content-Type");
  assertEquals(Number(headers.get("access-control-max-age")) > 0, true);
  assertEquals(varies(answer).toSorted(), ["access-control-request-headers", "origin"]);
  assertEquals(gateway.asked(), 0);
});

Deno.test("a preflight of an ANY route causes no call", async () => {
  await using gateway = startCounting({ origins: [APP] });
  const { status, headers } = await preflight(gateway, "/any/x", APP);
  assertEquals([status, gateway.asked()], [204, 0]);
  const methods = headers.get("access-control-allow-methods") ?? "";
  for (const method of ["PUT", "PATCH", "DELETE"]) assertEquals(methods.includes(method), true);
});

Deno.test("a preflight from elsewhere is allowed nothing", async () => {
  await using gateway = startCounting({ origins: [APP] });
  const answer = await preflight(gateway, "/users/7", OTHER);
  assertEquals([answer.status, allowed(answer)[0]], [204, null]);
});

Deno.test("a preflight of a path that no route has allows no method", async () => {
  await using gateway = startCounting({ origins: [APP] });
  const { headers } = await preflight(gateway, "/nowhere", APP);
  assertEquals(headers.get("access-control-allow-methods"), null);
});

Deno.test("OPTIONS that is no preflight has Allow", async () => {
  await using gateway = startCounting({ origins: [APP] });
  const { status, headers } = await ask(
    gateway.port,
    `OPTIONS /users/7 HTTP/1.1\r\nHost: gateway.example\r\n${origin(APP)}\r\n`,
  );
  assertEquals(status, 204);
  assertEquals(headers.get("allow")?.split(", ").toSorted(), ["DELETE", "GET", "HEAD", "OPTIONS"]);
});

// Errors.

for (
  const [request, kind] of [
    ["GET /nowhere", "not-found"],
    ["POST /parts", "method-not-allowed"],
    ["POST /any/x|Content-Length: 1025", "payload-too-large"],
    ["GET /unreachable", "upstream-unreachable"],
    ["GET /parts/%ff", "bad-request"],
    ["GET /any/%zz", "bad-request"],
  ] as const
) {
  Deno.test(`a page may read the problem of ${request}`, async () => {
    await using gateway = startGateway({
      cors: { origins: [APP] },
      maxRequestBody: "1KiB",
      upstreams: {
        own: { source: () => Promise.resolve(json(1)) },
        gone: { url: "http://127.0.0.1:1" },
      },
      routes: {
        "GET /parts": { gather: { it: { from: "own" } } },
        "GET /parts/:id": { gather: { it: { from: "own", path: "/{id}" } } },
        "GET /unreachable": { forward: "gone" },
        "ANY /any/*": { forward: "own" },
      },
    });
    const [line = "", header] = request.split("|");
    const answer = await ask(
      gateway.port,
      `${line} HTTP/1.1\r\nHost: gateway.example\r\n${origin(APP)}${
        header ? `${header}\r\n` : ""
      }\r\n`,
    );
    assertEquals([problemKind(answer), allowed(answer)[0]], [kind, APP]);
    assertEquals(varies(answer).includes("origin"), true);
  });
}

// An upstream's own.

/** What a page gets of an upstream that lets every page read. */
async function fromOpenUpstream(from: string, cors?: GatewayConfig["cors"]): Promise<WireAnswer> {
  await using upstream = startRawUpstream((raw) =>
    raw.send(
      "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nVary: Accept-Encoding\r\n" +
        "Access-Control-Allow-Credentials: true\r\nContent-Length: 0\r\n\r\n",
    )
  );
  await using gateway = startGateway({
    ...(cors && { cors }),
    upstreams: { open: { url: upstream.url } },
    routes: { "ANY /*": { forward: "open" } },
  });
  return await askFor(gateway.port, "/x", origin(from));
}

Deno.test("the config's origins take the place of an upstream's, and Vary keeps its own", async () => {
  const answer = await fromOpenUpstream(APP, { origins: [APP] });
  assertEquals(allowed(answer)[0], APP);
  assertEquals(varies(answer).toSorted(), ["accept-encoding", "origin"]);
});

Deno.test("an upstream cannot let in an origin that the config does not list", async () => {
  assertEquals(allowed(await fromOpenUpstream(OTHER, { origins: [APP] })), [null, null]);
});

Deno.test("an upstream cannot add credentials that the config does not allow", async () => {
  assertEquals(allowed(await fromOpenUpstream(APP, { origins: [APP] })), [APP, null]);
});

// A route's own.

Deno.test("a route's own access takes the place of the gateway's, in preflights too", async () => {
  const own = json(1);
  await using gateway = startGateway({
    cors: { origins: [APP] },
    upstreams: { own: { source: () => Promise.resolve(own) } },
    routes: {
      "GET /shared": { gather: { it: { from: "own" } } },
      "GET /own": {
        cors: { origins: ["https://*.example.net"], expose: ["X-Total"], maxAge: "1h" },
        gather: { it: { from: "own" } },
      },
      "DELETE /own": { cors: { origins: [OTHER] }, forward: "own" },
      "ANY /own": { cors: false, forward: "own" },
    },
  });
  const readers = async (target: string) => {
    const names = [APP, OTHER, "https://a.example.net", "https://a.b.example.net"];
    const read: string[] = [];
    for (const name of names) {
      const [got = null] = allowed(await askFor(gateway.port, target, origin(name)));
      if (got !== null) read.push(got);
    }
    return read;
  };
  assertEquals(await readers("/shared"), [APP]);
  assertEquals(await readers("/own"), ["https://a.example.net", "https://a.b.example.net"]);
  const answer = await askFor(gateway.port, "/own", origin("https://a.example.net"));
  const exposed = answer.headers.get("access-control-expose-headers") ?? "";
  assertEquals(exposed.split(",").includes("X-Total"), true);

  const asks = async (method: string, from: string) => {
    const { headers } = await ask(
      gateway.port,
      `OPTIONS /own HTTP/1.1\r\nHost: gateway.example\r\n${origin(from)}` +
        `Access-Control-Request-Method: ${method}\r\n\r\n`,
    );
    return [headers.get("access-control-allow-origin"), headers.get("access-control-max-age")];
  };
  assertEquals(await asks("GET", "https://a.example.net"), ["https://a.example.net", "3600"]);
  assertEquals(await asks("GET", APP), [null, "3600"]);
  assertEquals(await asks("DELETE", OTHER), [OTHER, "600"]);
  assertEquals(await asks("PUT", APP), [null, null]);
});

for (
  const from of [
    "https://example.net",
    "http://a.example.net",
    "https://a.example.net.evil.example",
    "https://a.example.net:444",
    "https://evil.example/.example.net",
    "https://@.example.net",
    "https://.example.net",
  ]
) {
  Deno.test(`a page of ${from} is on no subdomain of https://example.net`, async () => {
    await using gateway = startCounting({ origins: ["https://*.example.net"] });
    assertEquals(allowed(await askFor(gateway.port, "/users/7", origin(from)))[0], null);
  });
}
