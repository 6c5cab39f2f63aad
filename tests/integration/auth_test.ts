import { assert, assertEquals, assertFalse } from "@std/assert";
import type { AuthConfig } from "../../lib/config/auth.ts";
import { ExactNumber } from "../../lib/json/exact_number.ts";
import { gatewayFor } from "../support/gateway.ts";
import { startIssuer, type TestIssuer } from "../support/issuer.ts";
import { until } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";

function tokens(issuer: TestIssuer, more = {}): AuthConfig {
  return { jwt: { issuer: issuer.url, audience: "api", ...more } };
}

/** Answers with the path and headers that it got. */
function startEcho() {
  return startUpstream((request) => {
    const { pathname, search } = new URL(request.url);
    return Response.json({ path: pathname + search, headers: Object.fromEntries(request.headers) });
  });
}

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

Deno.test("auth: a valid token comes in, and its claims fill templates", async () => {
  await using issuer = await startIssuer();
  await using upstream = startEcho();
  await using gateway = gatewayFor({
    upstream: upstream.url,
    auth: { users: tokens(issuer) },
    routes: {
      "GET /me": {
        auth: "users",
        gather: {
          me: {
            from: "up",
            path: "/users/{claims.sub}/{claims.org.id}",
            headers: { "x-roles": '{claims["https://id/roles"]}' },
          },
        },
      },
    },
  });
  const token = await issuer.sign({
    sub: "ada/x",
    org: { id: 9007199254740993n.toString() },
    "https://id/roles": "admin",
  });
  const response = await fetch(`${gateway.url}/me`, bearer(token));
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("cache-control")?.includes("private"), true);
  const { data: { me } } = await response.json();
  assertEquals(me.path, "/users/ada%2Fx/9007199254740993");
  assertEquals(me.headers["x-roles"], "admin");
  assertEquals(me.headers.authorization, undefined);
});

Deno.test("auth: without credentials, or with wrong ones, 401 names the way", async () => {
  await using issuer = await startIssuer();
  await using upstream = startEcho();
  await using gateway = gatewayFor({
    upstream: upstream.url,
    auth: {
      users: tokens(issuer),
      partners: { key: "header:x-api-key", known: { acme: { env: "ACME" } } },
    },
    routes: { "GET /a": { auth: ["users", "partners"], gather: { it: { from: "up" } } } },
  }, { env: { ACME: "acme-key-of-32-characters-or-more" } });
  const get = async (headers: Record<string, string>) => {
    const response = await fetch(`${gateway.url}/a`, { headers });
    const { kind = "", detail = "" } = await response.json();
    return [response.status, response.headers.get("www-authenticate"), detail, kind].slice(0, 3);
  };
  const keys = 'ApiKey header="x-api-key"';
  assertEquals(await get({}), [401, `Bearer, ${keys}`, "this route requires credentials"]);
  const expired = await issuer.sign({ exp: 1 });
  const reason = "the token has expired";
  assertEquals(await get({ authorization: `Bearer ${expired}` }), [
    401,
    `Bearer error="invalid_token", error_description="${reason}", ${keys}`,
    reason,
  ]);
  assertEquals((await get({ "x-api-key": "wrong" }))[0], 401);
  assertEquals((await get({ authorization: "Bearer a b" }))[0], 401);
  assertEquals((await get({ authorization: "Basic YTpi" }))[0], 401);
  assertEquals(upstream.requests.length, 0);
  // The second way counts where the first has been refused.
  const both = {
    authorization: `Bearer ${expired}`,
    "x-api-key": "acme-key-of-32-characters-or-more",
  };
  assertEquals((await get(both))[0], 200);
});

Deno.test("auth: a condition refuses with 403", async () => {
  await using issuer = await startIssuer();
  await using upstream = startEcho();
  await using gateway = gatewayFor({
    upstream: upstream.url,
    auth: { users: tokens(issuer, { tier: "plan" }) },
    routes: {
      "GET /a/:id": {
        auth: "users",
        require: "claims.scope.split(' ').exists(s, s == 'read') && request.query.id != '1' && " +
          "client.tier == 'gold' && request.params.id == '7' && request.headers['x-a'] == 'b'",
        gather: { it: { from: "up" } },
      },
    },
  });
  const get = async (path: string, claims: Record<string, unknown>) => {
    const token = await issuer.sign({ sub: "ada", scope: "write read", plan: "gold", ...claims });
    const headers = { ...bearer(token).headers, "x-a": "b" };
    const response = await fetch(gateway.url + path, { headers });
    await response.body?.cancel();
    return [response.status, response.headers.get("www-authenticate")];
  };
  assertEquals(await get("/a/7?id=2", {}), [200, null]);
  const refused = [403, 'Bearer error="insufficient_scope"'];
  assertEquals(await get("/a/7?id=1", {}), refused);
  assertEquals(await get("/a/8?id=2", {}), refused);
  assertEquals(await get("/a/7", {}), refused);
  assertEquals(await get("/a/7?id=2", { scope: "readonly" }), refused);
  assertEquals(await get("/a/7?id=2", { plan: undefined }), refused);
});

Deno.test("auth: no credential passes to an upstream that the config does not name for it", async () => {
  await using issuer = await startIssuer();
  await using upstream = startEcho();
  const asked: string[] = [];
  await using session = startUpstream((request) => {
    asked.push(JSON.stringify([...request.headers]));
    return new Response(null, { status: 204 });
  });
  const key = "partner-key-of-32-characters-or-more";
  await using gateway = gatewayFor({
    upstream: upstream.url,
    auth: {
      users: tokens(issuer),
      partners: { key: "header:x-api-key", known: { acme: { env: "ACME" } } },
      session: { external: { url: `${session.url}/check`, headers: ["cookie"] } },
    },
    routes: {
      "GET /parts": { auth: ["users", "partners", "session"], gather: { it: { from: "up" } } },
      "ANY /kept/*": { auth: ["users", "partners", "session"], forward: "up" },
      "ANY /passed/*": {
        auth: ["users", "partners", "session"],
        forward: { to: "up", passCredentials: true },
      },
    },
  }, { env: { ACME: key } });
  const token = await issuer.sign({ sub: "ada" });
  const marks = [token, key, "marked-cookie"];
  for (
    const headers of [
      bearer(token).headers,
      { "x-api-key": key },
      { cookie: "id=marked-cookie" },
      { ...bearer(token).headers, "x-api-key": key, cookie: "id=marked-cookie" },
    ]
  ) {
    for (const path of ["/parts", "/kept/a"]) {
      const response = await fetch(gateway.url + path, { headers });
      assertEquals(response.status, 200);
      const seen = await response.text();
      for (const mark of marks) assertFalse(seen.includes(mark), `${path}: ${seen}`);
    }
    const passed = await (await fetch(`${gateway.url}/passed/a`, { headers })).text();
    for (const value of Object.values(headers)) assert(passed.includes(value));
  }
  assert(asked.length > 0 && issuer.seen.length > 0);
  for (const seen of asked) assertFalse(seen.includes(token) || seen.includes(key), seen);
  for (const seen of issuer.seen) assertFalse(marks.some((mark) => seen.includes(mark)), seen);
});

Deno.test("auth: an external service decides by its status, and names the client", async () => {
  let answers = 0;
  await using session = startUpstream((request) => {
    answers++;
    switch (request.headers.get("cookie")) {
      case "s=ada":
        return new Response(null, { headers: { "x-user": "ada", "x-secret": "no" } });
      case "s=login":
        return new Response(null, { status: 302, headers: { location: "https://login.example/" } });
      case "s=broken":
        return new Response(null, { status: 500 });
      case "s=forbidden":
        return new Response(null, { status: 403 });
      default:
        return new Response(null, { status: 401, headers: { "www-authenticate": "Cookie" } });
    }
  });
  await using upstream = startEcho();
  await using gateway = gatewayFor({
    upstream: upstream.url,
    auth: {
      session: {
        external: {
          url: `${session.url}/check`,
          headers: ["cookie"],
          claims: ["X-User"],
          name: "x-user",
          cache: "1m",
        },
      },
    },
    routes: {
      "GET /me": { auth: "session", gather: { me: { from: "up", path: "/{claims.x-user}" } } },
    },
  });
  const get = (cookie?: string) =>
    fetch(`${gateway.url}/me`, { redirect: "manual", ...(cookie && { headers: { cookie } }) });
  const accepted = await get("s=ada");
  assertEquals((await accepted.json()).data.me.path, "/ada");
  assertEquals((await (await get("s=ada")).json()).data.me.path, "/ada");
  assertEquals(answers, 1, "the second answer is remembered");
  const statuses: [string | undefined, number, string, string | null][] = [
    [undefined, 401, "www-authenticate", null],
    ["s=x", 401, "www-authenticate", "Cookie"],
    ["s=login", 302, "location", "https://login.example/"],
    ["s=forbidden", 403, "location", null],
    ["s=broken", 503, "retry-after", "1"],
  ];
  for (const [cookie, status, header, value] of statuses) {
    const response = await get(cookie);
    await response.body?.cancel();
    assertEquals([response.status, response.headers.get(header)], [status, value], cookie);
  }
  await session[Symbol.asyncDispose]();
  const down = await get("s=other");
  assertEquals([down.status, (await down.json()).type.split("/").at(-1)], [
    503,
    "auth-unavailable",
  ]);
});

Deno.test("auth: stored responses are shared only by clients whose claims give the same calls", async () => {
  await using issuer = await startIssuer();
  let calls = 0;
  await using upstream = startUpstream((request) => {
    calls++;
    const tenant = request.headers.get("x-tenant");
    return Response.json({ tenant }, { headers: { "cache-control": "max-age=60" } });
  });
  const part = { from: "up", path: "/data", headers: { "x-tenant": "{claims.tenant}" } } as const;
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, cache: {} },
    auth: { users: tokens(issuer) },
    routes: {
      "GET /part": { auth: "users", gather: { it: part } },
      "GET /whole": {
        auth: "users",
        cache: { ttl: "1m" },
        gather: { it: { ...part, cache: false as const } },
      },
    },
  });
  for (const path of ["/part", "/whole"]) {
    calls = 0;
    const get = async (claims: Record<string, unknown>) => {
      const response = await fetch(gateway.url + path, bearer(await issuer.sign(claims)));
      return (await response.json()).data.it.tenant;
    };
    assertEquals(await get({ sub: "ada", tenant: "a" }), "a");
    // The same subject, in another tenant.
    assertEquals(await get({ sub: "ada", tenant: "b" }), "b");
    assertEquals(await get({ sub: "eve", tenant: "a" }), "a");
    assertEquals(calls, 2, path);
    const without = await fetch(gateway.url + path, bearer(await issuer.sign({ sub: "ada" })));
    assertEquals([without.status, (await without.json()).detail], [
      403,
      "the client has no claim tenant",
    ]);
  }
});

Deno.test("auth: guesses are counted by address before they are refused", async () => {
  await using issuer = await startIssuer();
  await using upstream = startEcho();
  await using gateway = gatewayFor({
    upstream: upstream.url,
    auth: { users: tokens(issuer) },
    limits: { perClient: { rate: "1/min", burst: 2 } },
    routes: { "GET /a": { auth: "users", limit: "perClient", gather: { it: { from: "up" } } } },
  });
  const get = async (token: string) => {
    const response = await fetch(`${gateway.url}/a`, bearer(token));
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await get("x"), 401);
  assertEquals(await get("y"), 401);
  assertEquals(await get("z"), 429);
  const ada = await issuer.sign({ sub: "ada" });
  assertEquals([await get(ada), await get(ada), await get(ada)], [200, 200, 429]);
  assertEquals(await get(await issuer.sign({ sub: "bob" })), 200);
});

Deno.test("auth: rotation and an outage of the issuer fail no valid request", async () => {
  await using issuer = await startIssuer();
  await using upstream = startEcho();
  await using gateway = gatewayFor({
    upstream: upstream.url,
    auth: { users: tokens(issuer, { jwks: `${issuer.url}/jwks` }) },
    routes: { "GET /a": { auth: "users", gather: { it: { from: "up" } } } },
  });
  const get = async (claims: Record<string, unknown>) => {
    const response = await fetch(`${gateway.url}/a`, bearer(await issuer.sign(claims)));
    await response.body?.cancel();
    return response.status;
  };
  const round = (n: number) => Promise.all(Array.from({ length: 50 }, (_, k) => get({ n, k })));
  assertEquals(new Set(await round(1)), new Set([200]));
  issuer.isDown = true;
  assertEquals(new Set(await round(2)), new Set([200]));
  assertEquals(issuer.seen.length, 1);
  issuer.isDown = false;
  await issuer.rotate();
  assertEquals(new Set(await round(3)), new Set([200]), "they wait for the new key");
  assertEquals(issuer.seen.length, 2);
});

Deno.test("auth: a limit by a claim counts a tenant, whoever of it asks", async () => {
  await using issuer = await startIssuer();
  await using upstream = startEcho();
  await using gateway = gatewayFor({
    upstream: upstream.url,
    auth: { users: tokens(issuer) },
    limits: { perTenant: { rate: "1/h", burst: 2, by: ["claim:tenant", "ip"] } },
    routes: { "GET /a": { auth: "users", limit: "perTenant", gather: { it: { from: "up" } } } },
  });
  const get = async (sub: string, tenant: string) => {
    const token = await issuer.sign({ sub, tenant });
    const response = await fetch(`${gateway.url}/a`, bearer(token));
    await response.body?.cancel();
    return response.status;
  };
  assertEquals([await get("ada", "x"), await get("bob", "x"), await get("eve", "x")], [
    200,
    200,
    429,
  ]);
  assertEquals(await get("ada", "y"), 200);
});

Deno.test("auth: a client that leaves while its token is verified causes no call", async () => {
  const keys = Promise.withResolvers<void>();
  await using issuer = await startIssuer();
  await using slow = startUpstream(async () => {
    await keys.promise;
    return await fetch(`${issuer.url}/jwks`);
  });
  await using upstream = startEcho();
  await using gateway = gatewayFor({
    upstream: upstream.url,
    auth: { users: tokens(issuer, { jwks: `${slow.url}/jwks` }) },
    routes: { "DELETE /a": { auth: "users", forward: "up" }, "GET /open": { forward: "up" } },
  });
  // On a connection that is open already, a call is sent at once.
  await (await fetch(`${gateway.url}/open`)).body?.cancel();
  const client = await Deno.connect({ port: gateway.port, hostname: "127.0.0.1" });
  const token = await issuer.sign();
  const head = `DELETE /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`;
  await client.write(new TextEncoder().encode(head));
  await slow.asked(1);
  client.close();
  // The server has seen it leave when it has served a request that came later.
  await (await fetch(`${gateway.url}/_gateway/health/live`)).body?.cancel();
  keys.resolve();
  await until(() => gateway.log.some(({ path }) => path === "/a"), "the log has the request");
  assertEquals(gateway.log.find(({ path }) => path === "/a")?.problem, "cancelled");
  assertEquals(upstream.requests.map(({ method }) => method), ["GET"]);
});

Deno.test("auth: numbers in claims keep their digits, so that no client gets another's data", async () => {
  await using issuer = await startIssuer();
  await using upstream = startEcho();
  await using gateway = gatewayFor({
    upstream: upstream.url,
    auth: { users: tokens(issuer) },
    routes: {
      "GET /me": { auth: "users", gather: { me: { from: "up", path: "/{claims.uid}" } } },
    },
  });
  const pathOf = async (uid: bigint) => {
    const token = await issuer.sign({ sub: "ada", uid: new ExactNumber(String(uid)) });
    return (await (await fetch(`${gateway.url}/me`, bearer(token))).json()).data.me.path;
  };
  assertEquals(await pathOf(9007199254740993n), "/9007199254740993");
  assertEquals(await pathOf(9007199254740992n), "/9007199254740992");
});

Deno.test("auth: responses are private to caches in front, whatever the upstream says", async () => {
  await using issuer = await startIssuer();
  const headers = {
    "cache-control": "public, max-age=60, s-maxage=90",
    "cdn-cache-control": "max-age=60",
    "example-cdn-cache-control": "max-age=60",
    "surrogate-control": "max-age=60",
  };
  await using upstream = startUpstream(() => Response.json({}, { headers }));
  await using gateway = gatewayFor({
    upstream: upstream.url,
    auth: { users: tokens(issuer) },
    routes: { "GET /a": { auth: "users", forward: "up" } },
  });
  const response = await fetch(`${gateway.url}/a`, bearer(await issuer.sign({ sub: "ada" })));
  await response.body?.cancel();
  const got = Object.keys(headers).map((name) => response.headers.get(name));
  assertEquals(got, ["private, max-age=60", null, null, null]);
});
