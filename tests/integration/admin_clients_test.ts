import { assert, assertEquals, assertMatch } from "@std/assert";
import { ask } from "../support/responses.ts";
import { OPERATED, startOperated, TOKEN } from "../support/operated.ts";

Deno.test("a client is created with a key that is shown once, and known at once", async () => {
  await using it = await startOperated();
  const before = it.clock.wall();
  const { status, headers, document } = await it.admin("POST", "clients", { name: "mobile" });
  const { key, since, ...rest } = document;
  assertEquals([status, headers.get("cache-control")], [201, "no-store"]);
  assertEquals(rest, { name: "mobile", tier: null, keys: 1 });
  assertMatch(key, /^[\w-]{43}$/);
  assert(Date.parse(since) >= before && Date.parse(since) <= it.clock.wall(), since);
  assertEquals(await it.admitted("/a", { "x-api-key": key }), 3);
  const listed = await it.admin("GET", "clients");
  assertEquals(listed.document, { clients: [{ since, ...rest }], next: null });
  assertEquals((await it.admin("GET", "clients/mobile")).document, { since, ...rest });
  assertEquals((await it.admin("GET", "clients/nobody")).status, 404);
});

Deno.test("a client's tier is another bucket, at once", async () => {
  await using it = await startOperated();
  const { document: { key } } = await it.admin("POST", "clients", { name: "mobile", tier: "pro" });
  const shown = { "x-api-key": key };
  assertEquals(await it.admitted("/a", shown), 6);
  const changed = await it.admin("PATCH", "clients/mobile", { tier: null });
  assertEquals([changed.status, changed.document.tier], [200, null]);
  assertEquals(await it.admitted("/a", shown), 3);
});

Deno.test("keys are added and deleted, and a revoked client is unknown", async () => {
  await using it = await startOperated();
  const own = "my-own-key-of-16-characters";
  await it.admin("POST", "clients", { name: "a b@c", key: own });
  const { status, document } = await it.admin("POST", "clients/a%20b%40c/keys");
  assertEquals([status, document.keys], [201, 2]);
  const limitOf = async (key: string) =>
    (await it.get("/a", { "x-api-key": key })).headers.get("ratelimit");
  assertMatch(await limitOf(own) ?? "", /"perClient";r=2/);
  assertMatch(await limitOf(document.key) ?? "", /"perClient";r=1/);

  assertEquals((await it.admin("DELETE", "clients/a%20b%40c/keys")).document.keys, 1);
  assertMatch(await limitOf(own) ?? "", /"perClient";r=2/, "by its address now");
  const revoked = await it.admin("DELETE", "clients/a%20b%40c");
  assertEquals(revoked.document, { name: "a b@c", revoked: 1 });
  assertEquals((await it.admin("DELETE", "clients/a%20b%40c")).status, 404);
});

Deno.test("another process knows a new client, and its end, within a second", async () => {
  await using here = await startOperated();
  await using there = await startOperated(OPERATED, here);
  const { document: { key } } = await here.admin("POST", "clients", { name: "mobile" });
  const later = async () => {
    for (let i = 0; i < 10; i++) {
      await here.clock.advance(100);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  await later();
  assertEquals(await there.admitted("/a", { "x-api-key": key }), 3);
  assertEquals(await there.admitted("/a"), 3, "the address has a bucket of its own");
  await here.admin("DELETE", "clients/mobile");
  await later();
  assertEquals((await there.get("/a", { "x-api-key": key })).status, 429, "the address's");
});

Deno.test("a wrong request gets a problem that says what is right, and changes nothing", async () => {
  await using it = await startOperated();
  await it.admin("POST", "clients", { name: "mobile" });
  const cases: [method: string, path: string, body: unknown, status: number, detail: RegExp][] = [
    ["POST", "clients", {}, 400, /a member is missing/],
    ["POST", "clients", [], 400, /the body must be an object such as/],
    ["POST", "clients", { name: "x", teir: "pro" }, 400, /missing or unknown/],
    ["POST", "clients", { name: "" }, 400, /name must have 1 to 100/],
    ["POST", "clients", { name: "a/b" }, 400, /name must have 1 to 100/],
    ["POST", "clients", { name: "e\u0301" }, 400, /NFC/],
    ["POST", "clients", { name: "x".repeat(101) }, 400, /name must have 1 to 100/],
    [
      "POST",
      "clients",
      { name: "x", tier: "gold" },
      400,
      /no limit has that tier; the tiers are pro/,
    ],
    ["POST", "clients", { name: "x", key: "short" }, 400, /key must have 16 to 200/],
    ["POST", "clients", { name: "mobile" }, 400, /the client mobile already exists/],
    ["PATCH", "clients/mobile", {}, 400, /a member is missing/],
    ["PATCH", "clients/nobody", { tier: null }, 404, /no client nobody/],
    ["PATCH", "clients/%00", { tier: null }, 404, /no client has this name/],
    ["POST", "clients/nobody/keys", {}, 404, /no client nobody/],
    ["GET", "clients?limit=0", undefined, 400, /limit must be a whole number from 1 to 1000/],
    ["GET", "clients?limits=1", undefined, 400, /the parameters here are limit, after/],
    ["GET", "clients?limit=1&limit=2", undefined, 400, /must not be given twice/],
    ["PUT", "clients", {}, 405, /GET/],
    ["GET", "clients/mobile/keys", undefined, 405, /POST/],
  ];
  for (const [method, path, body, status, detail] of cases) {
    const told = await it.admin(method, path, body);
    assertEquals(told.status, status, `${method} ${path}: ${JSON.stringify(told.document)}`);
    if (status !== 405) assertMatch(told.document.detail, detail);
    else assertMatch(told.headers.get("allow") ?? "", detail);
    assertEquals(told.headers.get("content-type"), "application/problem+json");
  }
  assertEquals((await it.admin("GET", "clients")).document.clients.length, 1);
});

Deno.test("a page of another origin cannot create a client, nor can a body without end", async () => {
  await using it = await startOperated();
  const url = `${it.gateway.url}/_gateway/clients`;
  const authorization = `Bearer ${TOKEN}`;
  const form = await ask(url, {
    method: "POST",
    headers: { authorization, "content-type": "text/plain" },
    body: '{"name":"x"}',
  });
  assertEquals(form.status, 400);
  assertMatch(await form.text(), /must be application\/json/);
  const large = await ask(url, {
    method: "POST",
    headers: { authorization, "content-type": "application/json" },
    body: JSON.stringify({ name: "x".repeat(20_000) }),
  });
  assertEquals(large.status, 413);
  await large.body?.cancel();
});

Deno.test("every route of the operator wants the token, whatever the method", async () => {
  await using it = await startOperated();
  const paths = ["clients", "clients/x", "clients/x/keys", "buckets", "buckets/ban", "cache"];
  for (const path of paths) {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]) {
      for (const headers of [{}, { authorization: "Bearer wrong" }]) {
        const response = await ask(`${it.gateway.url}/_gateway/${path}`, { method, headers });
        await response.body?.cancel();
        assert([401, 405].includes(response.status), `${method} ${path}: ${response.status}`);
        if (response.status === 401) assert(response.headers.has("www-authenticate"));
      }
    }
  }
});

Deno.test("where the config knows its clients they do not change while it runs", async () => {
  const { clients: _, ...config } = OPERATED;
  await using it = await startOperated(config);
  const { status, document } = await it.admin("GET", "clients");
  assertEquals(status, 404);
  assertMatch(document.detail, /clients\.known: "kv"/);
});

Deno.test("hundreds of clients are listed in pages, each once", async () => {
  await using it = await startOperated();
  const names = Array.from({ length: 230 }, (_, i) => `client ${i}`);
  for (const name of names) await it.admin("POST", "clients", { name });
  const found: string[] = [];
  let next: string | null = null;
  do {
    const after: string = next === null ? "" : `?after=${encodeURIComponent(next)}`;
    const { document } = await it.admin("GET", `clients${after}`);
    found.push(...document.clients.map(({ name }: { name: string }) => name));
    next = document.next;
  } while (next !== null);
  assertEquals(found.toSorted(), names.toSorted());
});
