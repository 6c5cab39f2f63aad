import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../lib/config/config_error.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { json } from "../../lib/json/json_reply.ts";
import { startGateway } from "../support/gateway.ts";
import { startIssuer } from "../support/issuer.ts";
import { startUpstream } from "../support/upstream.ts";

const upstreams = { own: { source: () => Promise.resolve(json(1)) } };
const gather = { it: { from: "own" } } as const;

Deno.test("a route's maxRequestBody takes the place of the gateway's, smaller and larger", async () => {
  await using gateway = startGateway({
    upstreams,
    maxRequestBody: "100B",
    routes: {
      "POST /usual": { forward: "own" },
      "POST /large": { maxRequestBody: "200B", forward: "own" },
      "POST /small": {
        maxRequestBody: "50B",
        gather: { it: { from: "own", method: "POST", body: "{body.a}" } },
      },
    },
  });
  const status = async (path: string, length: number, isChunked: boolean) => {
    const text = `{"a":"${"x".repeat(length - 8)}"}`;
    const body = isChunked ? new Blob([text]).stream() : text;
    const headers = { "content-type": "application/json" };
    const response = await fetch(gateway.url + path, { method: "POST", body, headers });
    await response.body?.cancel();
    return response.status;
  };
  for (const isChunked of [false, true]) {
    for (const [path, most] of [["/usual", 100], ["/large", 200], ["/small", 50]] as const) {
      assertEquals(await status(path, most, isChunked), 200, `${path} ${isChunked}`);
      assertEquals(await status(path, most + 1, isChunked), 413, `${path} ${isChunked}`);
    }
  }
});

Deno.test("addresses: what is denied may not come in, nor what is not allowed", async () => {
  await using gateway = startGateway({
    upstreams,
    trustedProxies: ["127.0.0.1"],
    allow: ["192.0.2.0/24", "2001:db8::/32"],
    deny: ["192.0.2.66"],
    routes: {
      "GET /usual": { gather },
      "GET /fewer": { deny: ["192.0.2.7"], gather },
      "GET /others": { allow: ["198.51.100.0/24"], gather },
    },
  });
  const from = async (path: string, address: string) => {
    const headers = { "x-forwarded-for": address };
    const response = await fetch(gateway.url + path, { headers });
    await response.body?.cancel();
    return response.status;
  };
  const cases: [path: string, address: string, status: number][] = [
    ["/usual", "192.0.2.1", 200],
    ["/usual", "::ffff:192.0.2.1", 200],
    ["/usual", "2001:db8::7", 200],
    ["/usual", "198.51.100.1", 403],
    ["/usual", "192.0.2.66", 403],
    ["/usual", "not an address", 403],
    ["/fewer", "192.0.2.1", 200],
    ["/fewer", "192.0.2.7", 403],
    ["/fewer", "192.0.2.66", 403],
    ["/others", "198.51.100.1", 200],
    ["/others", "192.0.2.1", 403],
  ];
  for (const [path, address, status] of cases) {
    assertEquals(await from(path, address), status, `${path} from ${address}`);
  }
});

/** Answers with the path and headers that it got, and some headers of its own. */
function startEcho() {
  return startUpstream((request) => {
    const { pathname, search } = new URL(request.url);
    const body = { path: pathname + search, headers: Object.fromEntries(request.headers) };
    return Response.json(body, {
      headers: {
        server: "nginx/1.0",
        "x-powered-by": "PHP",
        "x-frame-options": "DENY",
        "x-a": "1",
      },
    });
  });
}

Deno.test("a forward changes path and headers, with values of the request", async () => {
  await using issuer = await startIssuer();
  await using upstream = startEcho();
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    auth: { users: { jwt: { issuer: issuer.url, audience: "api" } } },
    routes: {
      "ANY /v1/*": {
        auth: "users",
        forward: {
          to: "up",
          path: "/internal/{claims.sub}/{rest}",
          request: {
            remove: ["cookie"],
            set: { "x-user": "{claims.sub}", "x-lang": "{query.lang}" },
            add: { "X-Tag": "gateway" },
          },
          response: { remove: ["server", "X-Powered-By"], set: { "x-a": "{header.x-id}" } },
        },
      },
      "GET /users/:id": { forward: { to: "up", path: "/u/{id}" } },
    },
  });
  const authorization = `Bearer ${await issuer.sign({ sub: "a/b" })}`;
  const response = await fetch(`${gateway.url}/v1/c/d%2Fe?lang=is&x=1`, {
    headers: {
      authorization,
      cookie: "a=1",
      "x-user": "root",
      "x-lang": "en",
      "x-tag": "own",
      "x-id": "7",
    },
  });
  const { path, headers } = await response.json();
  assertEquals(path, "/internal/a%2Fb/c/d%2Fe?lang=is&x=1");
  assertEquals([headers["x-user"], headers["x-lang"], headers["x-tag"]], [
    "a/b",
    "is",
    "own, gateway",
  ]);
  assertEquals([headers.cookie, headers.authorization], [undefined, undefined]);
  const names = ["server", "x-powered-by", "x-a", "x-frame-options"];
  assertEquals(names.map((name) => response.headers.get(name)), [null, null, "7", "DENY"]);
  // A value that the client did not send is not sent either, nor the client's own in its place.
  const without = await fetch(`${gateway.url}/v1/c`, {
    headers: { authorization, "x-lang": "en" },
  });
  assertEquals((await without.json()).headers["x-lang"], undefined);
  const plain = await fetch(`${gateway.url}/users/7%2F8?y=2`);
  assertEquals((await plain.json()).path, "/u/7%2F8?y=2");
});

Deno.test("what a forward sets is part of the key of what it stores", async () => {
  let calls = 0;
  await using upstream = startUpstream((request) => {
    calls++;
    const user = request.headers.get("x-user");
    return Response.json({ user }, { headers: { "cache-control": "public, max-age=60" } });
  });
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url, cache: {} } },
    routes: {
      "GET /a": { forward: { to: "up", request: { set: { "x-user": "{query.user}" } } } },
      "GET /b/:user": {
        forward: { to: "up", path: "/b", request: { set: { "x-user": "{user}" } } },
      },
    },
  });
  const userOf = async (path: string) => (await (await fetch(gateway.url + path)).json()).user;
  for (const user of ["ada", "eve", "ada"]) {
    assertEquals(await userOf(`/b/${user}`), user);
    assertEquals(await userOf(`/a?user=${user}`), user);
  }
  assertEquals(calls, 4);
});

Deno.test("secureHeaders: what a response does not say itself", async () => {
  await using upstream = startEcho();
  await using gateway = startGateway({
    secureHeaders: true,
    upstreams: { up: { url: upstream.url } },
    routes: { "GET /a": { forward: "up" }, "GET /b": { gather: { it: { from: "up" } } } },
  });
  for (const [path, frames] of [["/a", "DENY"], ["/b", "SAMEORIGIN"]]) {
    const response = await fetch(gateway.url + path);
    await response.body?.cancel();
    const got = (name: string) => response.headers.get(name);
    assertEquals([got("x-frame-options"), got("x-content-type-options")], [frames, "nosniff"]);
    assertEquals([got("server"), got("x-powered-by")], [null, null]);
    assertEquals(got("strict-transport-security"), "max-age=31536000");
  }
});

Deno.test("forwards: rules for every forward come before those of the route", async () => {
  await using upstream = startEcho();
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    forwards: {
      request: { remove: ["cookie"], set: { "x-via": "all", "x-lang": "{query.lang}" } },
      response: { remove: ["server"], set: { "x-a": "all" }, add: { "x-b": "all" } },
    },
    routes: {
      "GET /usual": { forward: "up" },
      "GET /own": {
        forward: {
          to: "up",
          request: { set: { "x-via": "own" } },
          response: { remove: ["x-a"], add: { "x-b": "own" } },
        },
      },
    },
  });
  const sent = { headers: { cookie: "a=1", "x-via": "client" } };
  for (
    const [path, via, a, b] of [["/usual", "all", "all", "all"], ["/own", "own", null, "all, own"]]
  ) {
    const response = await fetch(`${gateway.url}${path}?lang=is`, sent);
    const { headers } = await response.json();
    assertEquals([headers["x-via"], headers["x-lang"], headers.cookie], [via, "is", undefined]);
    const names = ["server", "x-a", "x-b", "x-powered-by"];
    assertEquals(names.map((name) => response.headers.get(name)), [null, a, b, "PHP"]);
  }
  assertThrows(
    () =>
      parseConfig({
        upstreams,
        forwards: { request: { set: { "x-id": "{id}" } } },
        routes: { "OPTIONS /a": { gather } },
      }, () => undefined),
    ConfigError,
    'forwards.request: "{id}" must be of query or header',
  );
});
