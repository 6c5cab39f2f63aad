import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { gatewayFor } from "../support/gateway.ts";
import { startLosingUpstream } from "../support/losing_upstream.ts";
import { startUpstream } from "../support/upstream.ts";

const JSON_TYPE = { "content-type": "application/json" };
const FRESH = { "cache-control": "max-age=60" };

/** An upstream that returns what it received. */
function startEcho(headers: HeadersInit = FRESH) {
  return startUpstream(async (request) =>
    Response.json({ method: request.method, body: await request.text() }, { headers })
  );
}

function query(url: string, body: string, headers: HeadersInit = JSON_TYPE): Promise<Response> {
  return fetch(url, { method: "QUERY", body, headers });
}

/** The data of a response, which is complete. */
async function dataOf(response: Response): Promise<Record<string, unknown>> {
  const { data, complete } = await response.json();
  assertEquals([response.status, complete], [200, true]);
  return data;
}

for (const method of ["POST", "QUERY"] as const) {
  Deno.test(`a safe ${method} part is cached by its body`, async () => {
    await using upstream = startEcho();
    await using gateway = gatewayFor({
      upstream: { url: upstream.url, cache: {} },
      routes: {
        "GET /": {
          gather: {
            it: {
              from: "up",
              method,
              ...method === "POST" ? { safe: true } : {},
              body: { q: "{query.q}" },
            },
          },
        },
      },
    });
    const search = async (q: string) => await dataOf(await fetch(`${gateway.url}/?q=${q}`));
    const first = await search("tea");
    assertEquals(first, { it: { method, body: '{"q":"tea"}' } });
    assertEquals(await search("tea"), first);
    assertEquals(await search("ham"), { it: { method, body: '{"q":"ham"}' } });
    assertEquals(upstream.requests.length, 2);
  });

  Deno.test(`equal concurrent calls of a safe ${method} part are one`, async () => {
    const gate = Promise.withResolvers<void>();
    await using upstream = startUpstream(async (request) => {
      await gate.promise;
      return Response.json(await request.text());
    });
    const part = (q: string) => ({
      from: "up",
      method,
      ...method === "POST" ? { safe: true } : {},
      body: { q },
    });
    await using gateway = gatewayFor({
      upstream: upstream.url,
      gather: { a: part("tea"), b: part("tea"), c: part("ham") },
    });
    const response = fetch(gateway.url);
    await upstream.asked(2);
    gate.resolve();
    assertEquals(await dataOf(await response), {
      a: '{"q":"tea"}',
      b: '{"q":"tea"}',
      c: '{"q":"ham"}',
    });
    assertEquals(upstream.requests.length, 2);
  });
}

Deno.test("a POST part that is not said to be safe is sent each time", async () => {
  await using upstream = startEcho();
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, cache: {} },
    gather: { it: { from: "up", method: "POST", body: {} } },
  });
  for (let i = 0; i < 2; i++) await dataOf(await fetch(gateway.url));
  assertEquals(upstream.requests.length, 2);
});

Deno.test("a safe POST part is retried", async () => {
  let calls = 0;
  await using upstream = startUpstream(() =>
    calls++ === 0 ? new Response(null, { status: 503 }) : Response.json(1)
  );
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, retry: { backoff: "1ms" } },
    gather: { it: { from: "up", method: "POST", safe: true, body: {} } },
  });
  assertEquals(await dataOf(await fetch(gateway.url)), { it: 1 });
});

Deno.test("a safe POST is sent again when the idle connection was closed", async () => {
  let lost = 0;
  await using upstream = startLosingUpstream((method) => method === "POST" && lost++ === 0);
  await using gateway = gatewayFor({
    upstream: upstream.url,
    routes: {
      "GET /*": { forward: "up" },
      "POST /x": { gather: { it: { from: "up", method: "POST", safe: true, body: {} } } },
    },
  });
  await (await fetch(`${gateway.url}/warm`)).body?.cancel();
  const response = await fetch(`${gateway.url}/x`, { method: "POST" });
  await response.body?.cancel();
  assertEquals([response.status, lost], [200, 2]);
});

Deno.test("a stale response to a safe POST is not validated, one to a QUERY is", async () => {
  await using upstream = startUpstream(({ headers }) =>
    headers.has("if-none-match")
      ? new Response(null, { status: 304, headers: { etag: '"1"', "cache-control": "max-age=0" } })
      : Response.json(1, { headers: { etag: '"1"', "cache-control": "max-age=0" } })
  );
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, cache: {} },
    routes: {
      "GET /post": { gather: { it: { from: "up", method: "POST", safe: true, body: {} } } },
      "GET /query": { gather: { it: { from: "up", method: "QUERY", body: {} } } },
    },
  });
  for (const path of ["/post", "/post", "/query", "/query"]) {
    assertEquals(await dataOf(await fetch(gateway.url + path)), { it: 1 });
  }
  const conditions = upstream.requests.map(({ headers }) => headers.get("if-none-match"));
  assertEquals(conditions, [null, null, null, '"1"']);
});

Deno.test("a QUERY route responds from its body, and is cached by it", async () => {
  await using upstream = startEcho();
  await using gateway = gatewayFor({
    upstream: upstream.url,
    routes: {
      "QUERY /search": {
        cache: { ttl: "1m" },
        gather: { found: { from: "up", path: "/{body.q}" } },
      },
    },
  });
  const url = `${gateway.url}/search`;
  const statusOf = async (body: string, type = "application/json") => {
    const response = await query(url, body, { "content-type": type });
    await response.body?.cancel();
    assertEquals([response.status, response.headers.get("accept-query")], [
      200,
      "application/json",
    ]);
    return response.headers.get("cache-status") ?? "";
  };
  assertStringIncludes(await statusOf('{"q":"tea"}'), "fwd=uri-miss");
  assertStringIncludes(await statusOf('{"q":"tea"}'), "hit");
  // Every byte counts, and how they are to be read.
  assertStringIncludes(await statusOf('{"q": "tea"}'), "fwd=uri-miss");
  assertStringIncludes(await statusOf('{"q":"tea"}', "application/x+json"), "fwd=uri-miss");
  assertEquals(upstream.requests.length, 3);

  const stream = await query(url, '{"q":"tea"}', { ...JSON_TYPE, accept: "application/x-ndjson" });
  assertStringIncludes(await stream.text(), '"complete":true');
  assertEquals(upstream.requests.length, 3);
});

Deno.test("a QUERY says what its content is, and learns what it may be", async () => {
  await using upstream = startEcho();
  await using gateway = gatewayFor({
    upstream: upstream.url,
    routes: {
      "GET /search": { gather: { found: { from: "up" } } },
      "QUERY /search": { gather: { found: { from: "up", path: "/{body.q}" } } },
      "GET /other": { gather: { found: { from: "up" } } },
    },
  });
  const url = `${gateway.url}/search`;
  const refused = async (headers: HeadersInit, body: BodyInit) => {
    const response = await fetch(url, { method: "QUERY", headers, body });
    const { type } = await response.json();
    return [response.status, type, response.headers.get("accept-query")];
  };
  assertEquals(await refused({ "content-type": "application/sql" }, "select 1"), [
    415,
    "/_gateway/problems/unsupported-media-type",
    "application/json",
  ]);
  assertEquals(await refused({}, new TextEncoder().encode("{}")), [
    400,
    "/_gateway/problems/bad-request",
    "application/json",
  ]);
  const optionsOf = async (path: string) => {
    const { headers } = await fetch(gateway.url + path, { method: "OPTIONS" });
    return [headers.get("allow"), headers.get("accept-query")];
  };
  assertEquals(await optionsOf("/search"), ["GET, QUERY, HEAD, OPTIONS", "application/json"]);
  assertEquals(await optionsOf("/other"), ["GET, HEAD, OPTIONS", null]);
  assertEquals(upstream.requests.length, 0);
});

Deno.test("a QUERY is forwarded, and cached by its body", async () => {
  await using upstream = startEcho({ ...FRESH, "accept-query": "application/sql" });
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, cache: {} },
    routes: { "ANY /*": { forward: "up" } },
  });
  const url = `${gateway.url}/things`;
  const sql = { "content-type": "application/sql" };
  for (const body of ["select 1", "select 1", "select 2"]) {
    const response = await query(url, body, sql);
    assertEquals(await response.json(), { method: "QUERY", body });
    assertEquals(response.headers.get("accept-query"), "application/sql");
  }
  assertEquals(upstream.requests.length, 2);
  // A GET to the same path is another request.
  assertEquals(await (await fetch(url)).json(), { method: "GET", body: "" });
  const long = await query(url, "x".repeat(2 * 1024 * 1024), sql);
  assertEquals(long.status, 413);
  await long.body?.cancel();
});

Deno.test("one client's QUERY with credentials is not another's", async () => {
  await using upstream = startUpstream(({ headers }) =>
    Response.json(headers.get("authorization"), { headers: FRESH })
  );
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, cache: {} },
    routes: { "ANY /*": { forward: "up" } },
  });
  const as = async (authorization: string) =>
    await (await query(gateway.url, "{}", { ...JSON_TYPE, authorization })).json();
  assertEquals([await as("Bearer a"), await as("Bearer b")], ["Bearer a", "Bearer b"]);
  assert(upstream.requests.length === 2);
});
