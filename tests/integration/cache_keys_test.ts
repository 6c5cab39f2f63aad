import { assert, assertEquals } from "@std/assert";
import { KvPurges } from "../../lib/cache/kv_purges.ts";
import { kvTier } from "../support/kv_tier.ts";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { ask } from "../support/responses.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { until } from "../support/program.ts";
import { rawRequest } from "../support/raw_request.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

/** An upstream whose responses say nothing of caching, and all that it was told in some headers. */
function telling(...names: readonly string[]): TestUpstream {
  return startUpstream(({ headers, url }) =>
    Response.json([new URL(url).pathname, ...names.map((name) => headers.get(name) ?? "-")].join())
  );
}

function partsOf(upstream: TestUpstream, gather: Record<string, object>): GatewayConfig {
  return {
    upstreams: { it: { url: upstream.url, cache: { ttl: "1m" } } },
    routes: {
      "GET /it": {
        gather: Object.fromEntries(
          Object.entries(gather).map(([name, part]) => [name, { from: "it", ...part }]),
        ),
      },
    },
  };
}

async function dataOf(gateway: TestGateway, query = "", headers = {}) {
  const response = await ask(`${gateway.url}/it${query}`, { headers });
  assertEquals(response.status, 200);
  return (await response.json()).data;
}

Deno.test("a stored response of a part serves no call with other headers", async () => {
  await using upstream = telling("x-a", "accept-language", "accept", "cookie");
  await using gateway = startGateway(partsOf(upstream, {
    templated: { path: "/o", headers: { "x-a": "{header.x-a}" } },
    asked: { path: "/o", headers: { "x-a": "q-{query.q}" } },
    fixed: { path: "/o", headers: { "X-A": "fixed" } },
    text: { path: "/o", as: "text" },
    cookie: { path: "/o", headers: { cookie: "{header.cookie}" } },
    each: {
      path: "/o",
      headers: { "x-a": "i-{item}" },
      each: "{query.id}",
      concurrency: 1,
    },
    graph: { path: "/o", headers: { "x-a": "{templated}", "accept-language": "is" } },
  }));
  const json = "application/json";
  const asked = { "x-a": "ann", "accept-language": "de", cookie: "u=ann" };
  for (let turn = 0; turn < 2; turn++) {
    const one = await dataOf(gateway, "?q=1&id=1&id=2", asked);
    assertEquals(one, {
      templated: `/o,ann,de,${json},-`,
      asked: `/o,q-1,de,${json},-`,
      fixed: `/o,fixed,de,${json},-`,
      text: JSON.stringify("/o,-,de,text/*, */*;q=0.5,-"),
      cookie: `/o,-,de,${json},u=ann`,
      each: [`/o,i-1,de,${json},-`, `/o,i-2,de,${json},-`],
      graph: `/o,/o,ann,de,${json},-,is,${json},-`,
    });
    assertEquals(upstream.requests.length, 8, "and serves the same calls");
  }
  const others = { "x-a": "bob", "accept-language": "fr", cookie: "u=bob" };
  const other = await dataOf(gateway, "?q=2&id=2&id=3", others);
  assertEquals(other.templated, `/o,bob,fr,${json},-`);
  assertEquals(other.asked, `/o,q-2,fr,${json},-`);
  assertEquals(other.cookie, `/o,-,fr,${json},u=bob`);
  assertEquals(other.each, [`/o,i-2,fr,${json},-`, `/o,i-3,fr,${json},-`]);
  const none = await dataOf(gateway, "?id=2");
  assertEquals(none.templated, `/o,-,*,${json},-`);
});

Deno.test("a header that only identifies the request is in no key", async () => {
  await using upstream = telling("x-a");
  await using gateway = startGateway(
    partsOf(upstream, { a: { path: "/o", headers: { "x-request-id": "{query.id}" } } }),
  );
  for (const id of ["1", "2"]) {
    const traceparent = `00-${id.repeat(32)}-${id.repeat(16)}-01`;
    await dataOf(gateway, `?id=${id}`, { traceparent, "cache-control": "max-age=9" });
  }
  assertEquals(upstream.requests.length, 1);
});

Deno.test("a stored response of a forward is of one host, port, prefix and scheme", async () => {
  await using upstream = startUpstream(({ headers }) =>
    new Response(headers.get("x-forwarded-host"), { headers: { "cache-control": "max-age=60" } })
  );
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url, cache: {} } },
    routes: { "ANY /it": { forward: "it" } },
  });
  const get = async (host: string, method = "GET") => {
    const { body } = await rawRequest(
      gateway.port,
      `${method} /it HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    return body;
  };
  assertEquals(await get("evil.example"), "evil.example");
  assertEquals(await get("shop.example"), "shop.example");
  assertEquals(await get("shop.example"), "shop.example");
  assertEquals(upstream.requests.length, 2);
  // What changes at an address is changed for every host.
  await get("shop.example", "DELETE");
  await get("evil.example");
  await get("shop.example");
  assertEquals(upstream.requests.length, 5);
});

Deno.test("the gateway's own Authorization is no client's: a ttl stores with it", async () => {
  await using upstream = startUpstream(() => Response.json(upstream.requests.length));
  const authorization = "Bearer gateway";
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url, headers: { authorization }, cache: { ttl: "1m" } } },
    routes: {
      "GET /forward": { forward: "it" },
      "GET /part": { gather: { a: { from: "it", path: "/a" } } },
      "GET /whole": {
        gather: { a: { from: "it", path: "/b", cache: false } },
        cache: { ttl: "1m" },
      },
      "GET /clients": {
        gather: {
          a: { from: "it", path: "/c", headers: { authorization: "{header.authorization}" } },
        },
      },
    },
  });
  const twice = async (path: string, headers = {}) => {
    const texts: string[] = [];
    for (let turn = 0; turn < 2; turn++) {
      texts.push(await (await ask(gateway.url + path, { headers })).text());
    }
    return texts[0] === texts[1];
  };
  assert(await twice("/forward"), "a forward");
  assert(!await twice("/forward", { authorization: "Bearer ann" }), "what a client has replaced");
  assert(await twice("/part"), "a part");
  assert(await twice("/whole"), "a whole aggregate");
  assert(!await twice("/clients", { authorization: "Bearer ann" }), "a client's own");
});

Deno.test("the store serves no deployment with another token or URL, and shows no header", async () => {
  await using upstream = startUpstream(({ headers }) =>
    Response.json(`for ${headers.get("authorization")}`, { headers: { vary: "X-Secret" } })
  );
  await using other = startUpstream(() => Response.json("other"));
  using kv = await Deno.openKv(":memory:");
  const cacheStore = { tier: kvTier(kv), purges: new KvPurges(kv) };
  const answer = async (url: string, token: string) => {
    await using gateway = startGateway({
      upstreams: { it: { url, headers: { authorization: token }, cache: { ttl: "1m" } } },
      routes: {
        "GET /it": {
          gather: { a: { from: "it", path: "/a", headers: { "x-secret": "hunter2" } } },
          cache: { ttl: "1m" },
        },
      },
    }, { cacheStore });
    const before = await Array.fromAsync(kv.list({ prefix: ["sluice", "cache"] }));
    const { a } = await dataOf(gateway);
    await until(async () => {
      const after = await Array.fromAsync(kv.list({ prefix: ["sluice", "cache"] }));
      return after.length > before.length || before.length >= 12;
    }, "it is written");
    return a;
  };
  assertEquals(await answer(upstream.url, "one"), "for one");
  assertEquals(await answer(upstream.url, "two"), "for two");
  assertEquals(await answer(other.url, "two"), "other");
  assertEquals(await answer(upstream.url, "one"), "for one");
  assertEquals(upstream.requests.length, 2, "and serves one with the same");
  for await (const { key, value } of kv.list({ prefix: ["sluice"] })) {
    const text = JSON.stringify([key, value]) +
      (value instanceof Uint8Array ? new TextDecoder("latin1").decode(value) : "");
    assert(!text.includes("hunter2"), text);
  }
});

Deno.test("a trusted proxy's header about a client's login is in a forward's key, the address is not", async () => {
  await using upstream = telling("x-forwarded-user", "x-forwarded-scheme");
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url, cache: { ttl: "1m" } } },
    routes: { "GET /it": { forward: { to: "it", passHeaders: ["x-forwarded-scheme"] } } },
    trustedProxies: ["127.0.0.1"],
  });
  const get = async (headers: Record<string, string>) => {
    const response = await ask(`${gateway.url}/it`, { headers });
    return await response.text();
  };
  assertEquals(await get({ "x-forwarded-user": "ann" }), '"/it,ann,-"');
  assertEquals(await get({ "x-forwarded-user": "bob" }), '"/it,bob,-"');
  assertEquals(await get({ "x-forwarded-user": "bob", "x-forwarded-for": "::9" }), '"/it,bob,-"');
  assertEquals(await get({ "x-forwarded-scheme": "https" }), '"/it,-,https"');
  assertEquals(upstream.requests.length, 3);
});
