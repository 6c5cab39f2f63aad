import { assert, assertEquals, assertMatch } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { ask } from "../support/responses.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { until } from "../support/program.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

const CACHE = "/_gateway/cache";
const OURS = { "x-gateway-operator": "1" };

/** An upstream that says how often each of its addresses was asked for. */
function counting(): TestUpstream {
  const counts = new Map<string, number>();
  return startUpstream((request) => {
    const { pathname, search } = new URL(request.url);
    const count = (counts.get(pathname + search) ?? 0) + 1;
    counts.set(pathname + search, count);
    return Response.json(count, {
      headers: { "cache-control": "max-age=60", "cache-tag": `all, tag${pathname}` },
    });
  });
}

function configOf({ url }: TestUpstream): GatewayConfig {
  return {
    upstreams: {
      it: { url: `${url}/base`, cache: { stale: "1m" } },
      other: { url, cache: {} },
    },
    routes: {
      "ANY /v1/*": { forward: { to: "it", strip: "/v1" } },
      "ANY /plain/*": { forward: "other" },
      "GET /home/:id": {
        cache: { ttl: "1m" },
        gather: { part: { from: "it", path: "/parts/{id}" } },
      },
    },
  };
}

/** What the gateway answers at a path: how often the upstream was asked, and whether it came kept. */
async function get(gateway: TestGateway, path: string): Promise<unknown> {
  const response = await ask(gateway.url + path);
  assertEquals(response.status, 200, path);
  return await response.json();
}

async function purge(gateway: TestGateway, query: string): Promise<unknown> {
  const response = await ask(`${gateway.url}${CACHE}?${query}`, {
    method: "DELETE",
    headers: OURS,
  });
  assertEquals(response.status, 200, query);
  assertEquals(response.headers.get("cache-control"), "no-store");
  return await response.json();
}

async function statusOf(url: string, init: RequestInit = {}): Promise<number> {
  const response = await ask(url, init);
  await response.body?.cancel();
  return response.status;
}

Deno.test("the operator sees the stored responses and the hit rate", async () => {
  await using upstream = counting();
  const clock = new ManualClock();
  await using gateway = startGateway(configOf(upstream), { clock });
  const empty = await (await ask(gateway.url + CACHE)).json();
  assertEquals([empty.keys, empty.bytes, empty.hitRate, empty.entries], [0, 0, null, []]);
  await get(gateway, "/plain/a");
  await clock.advance(2_500);
  for (let turn = 0; turn < 3; turn++) await get(gateway, "/plain/a");
  const response = await ask(gateway.url + CACHE);
  assertEquals(response.headers.get("cache-control"), "no-store");
  const told = await response.json();
  assertEquals([told.keys, told.hits, told.misses, told.hitRate, told.bans], [1, 3, 1, 0.75, 0]);
  assertEquals(told.maxBytes, 64 * 1024 * 1024);
  const [{ bytes, ...entry }] = told.entries;
  assertEquals(entry, { key: "other /plain/a", status: 200, age: 2 });
  assertEquals(bytes, told.bytes);
});

Deno.test("with a token, only requests that send it may read and purge", async () => {
  await using upstream = counting();
  await using gateway = startGateway(configOf(upstream), {
    clock: new ManualClock(),
    adminToken: "secret",
  });
  await get(gateway, "/plain/a");
  const url = `${gateway.url}${CACHE}?all`;
  for (const method of ["GET", "DELETE"]) {
    for (const shown of [undefined, "Bearer wrong", "Bearer ", "Basic secret", "secret"]) {
      const headers = new Headers(shown === undefined ? {} : { authorization: shown });
      const response = await ask(url, { method, headers });
      assertEquals(response.status, 401, `${method} ${shown}`);
      assertMatch(response.headers.get("www-authenticate") ?? "", /^Bearer/);
      assert(!(await response.text()).includes("secret"));
    }
  }
  assertEquals(await get(gateway, "/plain/a"), 1, "nothing was purged");
  for (const shown of ["Bearer secret", "bearer secret"]) {
    const headers = { authorization: shown, "x-forwarded-for": "192.0.2.1" };
    assertEquals(await statusOf(url, { headers }), 200);
  }
  const headers = { authorization: "Bearer secret" };
  assertEquals(await statusOf(url, { method: "DELETE", headers }), 200);
});

Deno.test("a purge by an upstream's URL removes only that URL", async () => {
  await using upstream = counting();
  await using gateway = startGateway(configOf(upstream), { clock: new ManualClock() });
  for (const path of ["/v1/a", "/v1/a?x=1", "/v1/ab"]) assertEquals(await get(gateway, path), 1);
  const url = encodeURIComponent(`${upstream.url}/base/a?x=1`);
  const { purged, soft } = Object(await purge(gateway, `url=${url}`));
  assert(purged.includes("url:it /a?x=1"), JSON.stringify(purged));
  assertEquals(soft, false);
  assertEquals(await get(gateway, "/v1/a?x=1"), 2);
  for (const path of ["/v1/a", "/v1/ab"]) assertEquals(await get(gateway, path), 1, path);
});

const OF_FORWARD = ["/v1/a", "/v1/a?x=1", "/v1/a/b?x=%20", "/v1", "/v1/", "/v1?x=1", "/plain/a"];
for (const path of OF_FORWARD) {
  Deno.test(`a purge by a forwarded path takes what is kept of it: ${path}`, async () => {
    await using upstream = counting();
    await using gateway = startGateway(configOf(upstream), { clock: new ManualClock() });
    assertEquals(await get(gateway, path), 1);
    assertEquals(await get(gateway, path), 1);
    await purge(gateway, `url=${encodeURIComponent(path)}`);
    assertEquals(await get(gateway, path), 2);
  });
}

Deno.test("a purge by an aggregate's path removes the aggregate; its parts have their own URLs", async () => {
  await using upstream = counting();
  const clock = new ManualClock();
  await using gateway = startGateway(configOf(upstream), { clock });
  const data = async () => Object(await get(gateway, "/home/7")).data.part;
  assertEquals([await data(), await data()], [1, 1]);
  await purge(gateway, "url=/home/7");
  await clock.advance(1);
  assertEquals(await data(), 1, "its part is still kept");
  assertEquals(upstream.requests.length, 1);
  await purge(gateway, `url=${encodeURIComponent(`${upstream.url}/base/parts/7`)}`);
  await clock.advance(1);
  assertEquals(await data(), 1, "the whole is still kept");
  await purge(gateway, "tag=all");
  assertEquals(await data(), 2, "the tag is on both");
});

Deno.test("a purge by tag removes every response with the tag, and nothing else", async () => {
  await using upstream = counting();
  await using gateway = startGateway(configOf(upstream), { clock: new ManualClock() });
  for (const path of ["/plain/a", "/plain/a?x=1", "/plain/b"]) await get(gateway, path);
  await purge(gateway, `tag=${encodeURIComponent("tag/plain/a")}`);
  assertEquals(await get(gateway, "/plain/a"), 2);
  assertEquals(await get(gateway, "/plain/a?x=1"), 2);
  assertEquals(await get(gateway, "/plain/b"), 1);
});

Deno.test("a purge of everything removes everything", async () => {
  await using upstream = counting();
  await using gateway = startGateway(configOf(upstream), { clock: new ManualClock() });
  for (const path of ["/plain/a", "/v1/a"]) await get(gateway, path);
  assertEquals(await purge(gateway, "all"), { purged: ["all"], soft: false });
  for (const path of ["/plain/a", "/v1/a"]) assertEquals(await get(gateway, path), 2);
});

Deno.test("responses received after a purge are stored again", async () => {
  await using upstream = counting();
  const clock = new ManualClock();
  await using gateway = startGateway(configOf(upstream), { clock });
  await get(gateway, "/plain/a");
  await purge(gateway, "all");
  await clock.advance(1);
  assertEquals([await get(gateway, "/plain/a"), await get(gateway, "/plain/a")], [2, 2]);
});

Deno.test("after a soft purge the stored response is served once more, while it is revalidated", async () => {
  await using upstream = counting();
  const clock = new ManualClock();
  await using gateway = startGateway(configOf(upstream), { clock });
  assertEquals(await get(gateway, "/v1/a"), 1);
  assertEquals(await purge(gateway, "all&soft"), { purged: ["all"], soft: true });
  await clock.advance(1);
  assertEquals(await get(gateway, "/v1/a"), 1);
  await until(() => upstream.requests.length === 2 && gateway.background.size === 0, "refreshed");
  assertEquals(await get(gateway, "/v1/a"), 2);
});

Deno.test("after a soft purge a response that must not be served stale is fetched again", async () => {
  await using upstream = counting();
  const clock = new ManualClock();
  await using gateway = startGateway(configOf(upstream), { clock });
  assertEquals(await get(gateway, "/plain/a"), 1);
  await purge(gateway, "all&soft");
  await clock.advance(1);
  assertEquals(await get(gateway, "/plain/a"), 2);
});

Deno.test("a response in flight during a purge is not reused", async () => {
  const gate = Promise.withResolvers<void>();
  let made = 0;
  await using upstream = startUpstream(async () => {
    const mine = ++made;
    if (mine === 1) await gate.promise;
    return Response.json(mine, { headers: { "cache-control": "max-age=60" } });
  });
  const clock = new ManualClock();
  await using gateway = startGateway(configOf(upstream), { clock });
  const first = get(gateway, "/plain/a");
  await upstream.asked(1);
  await clock.advance(10);
  await purge(gateway, "all");
  await clock.advance(10);
  gate.resolve();
  assertEquals(await first, 1);
  assertEquals(await get(gateway, "/plain/a"), 2);
});

Deno.test("a response that was streaming during a purge serves no other client", async () => {
  let made = 0;
  const bodies: ReadableStreamDefaultController<Uint8Array>[] = [];
  await using upstream = startUpstream(() => {
    const mine = ++made;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(String(mine)));
        if (mine === 1) bodies.push(controller);
        else controller.close();
      },
    });
    return new Response(body, { headers: { "cache-control": "max-age=60" } });
  });
  const clock = new ManualClock();
  await using gateway = startGateway(configOf(upstream), { clock });
  const first = await ask(`${gateway.url}/plain/a`);
  await purge(gateway, "all");
  await clock.advance(1);
  assertEquals(await get(gateway, "/plain/a"), 2);
  bodies[0]?.close();
  assertEquals(await first.json(), 1);
  assertEquals(await get(gateway, "/plain/a"), 2, "the older one took no newer one's place");
});

Deno.test("a response in flight while its URL was changed is not stored", async () => {
  const gate = Promise.withResolvers<void>();
  let made = 0;
  await using upstream = startUpstream(async ({ method }) => {
    if (method === "PUT") return new Response(null, { status: 204 });
    const mine = ++made;
    if (mine === 1) await gate.promise;
    return Response.json(mine, { headers: { "cache-control": "max-age=60" } });
  });
  await using gateway = startGateway(configOf(upstream), { clock: new ManualClock() });
  const first = get(gateway, "/plain/a");
  await upstream.asked(1);
  assertEquals(await statusOf(`${gateway.url}/plain/a`, { method: "PUT", body: "x" }), 204);
  gate.resolve();
  assertEquals(await first, 1);
  assertEquals(await get(gateway, "/plain/a"), 2);
});

Deno.test("a purge without a subject is refused", async () => {
  await using upstream = counting();
  await using gateway = startGateway(configOf(upstream), { clock: new ManualClock() });
  await get(gateway, "/plain/a");
  for (
    const query of ["", "?", "?soft", "?url=", "?tag=", "?url=/nowhere", "?url=http://192.0.2.1/a"]
  ) {
    const response = await ask(gateway.url + CACHE + query, { method: "DELETE", headers: OURS });
    assertEquals(response.status, 400, query);
    assertEquals(response.headers.get("content-type"), "application/problem+json");
    await response.text();
  }
  assertEquals(await get(gateway, "/plain/a"), 1);
});

Deno.test("other methods get 405 with the allowed ones", async () => {
  await using upstream = counting();
  await using gateway = startGateway(configOf(upstream), { clock: new ManualClock() });
  for (const method of ["POST", "PUT", "PATCH"]) {
    const response = await ask(gateway.url + CACHE, { method, headers: OURS });
    assertEquals(response.status, 405, method);
    assertEquals(response.headers.get("allow"), "GET, DELETE, HEAD, OPTIONS");
    await response.text();
  }
  assertEquals(await statusOf(gateway.url + CACHE, { method: "HEAD" }), 200);
});
