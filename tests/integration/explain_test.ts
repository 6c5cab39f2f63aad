import { assertEquals, assertMatch } from "@std/assert";
import { parseConfig } from "../../lib/config/parse.ts";
import { json } from "../../lib/json/json_reply.ts";
import { describe } from "../../lib/upstream/describe.ts";
import { startGateway } from "../support/gateway.ts";

const CONFIG = {
  upstreams: { up: { source: () => Promise.resolve(json(1)), retry: {} } },
  routes: {
    "GET /home/:id": { gather: { a: { from: "up", path: "/{id}" }, b: { from: "up" } } },
    "GET /home/new": { gather: { a: { from: "up" } } },
    "ANY /v1/*": { forward: "up" },
  },
} as const;

/** Asks the operator's route; `route` is what it shall explain. */
async function ask(url: string, route?: string) {
  const query = route === undefined ? "" : `?route=${encodeURIComponent(route)}`;
  const response = await fetch(`${url}/_gateway/explain${query}`);
  return { status: response.status, document: await response.json() };
}

Deno.test("explain: a route is found by its key, and by a request that it handles", async () => {
  await using gateway = startGateway(CONFIG);
  const asked: [name: string, route: string][] = [
    ["GET /home/:id", "GET /home/:id"],
    ["GET /home/7?x=/", "GET /home/:id"],
    ["GET /home/new", "GET /home/new"],
    ["HEAD /home/7", "GET /home/:id"],
    ["PATCH /v1/a/b", "ANY /v1/*"],
  ];
  for (const [name, route] of asked) {
    const { status, document } = await ask(gateway.url, name);
    assertEquals([status, document.route], [200, route], name);
  }
});

Deno.test("explain: an unknown route is a problem that suggests the nearest", async () => {
  await using gateway = startGateway(CONFIG);
  const near = await ask(gateway.url, "GET /hmoe/:di");
  assertEquals(near.status, 404);
  assertMatch(near.document.detail, /"GET \/hmoe\/:di"; did you mean "GET \/home\/:id"\?$/);
  const far = await ask(gateway.url, "nothing like it");
  assertEquals(far.status, 404);
  assertMatch(far.document.detail, /; GET \/_gateway\/explain lists the routes$/);
  const misspelt = await fetch(`${gateway.url}/_gateway/explain?rout=x`);
  assertEquals(misspelt.status, 400);
  await misspelt.body?.cancel();
});

Deno.test("explain: without a route it lists all, with the figures that --check prints", async () => {
  await using gateway = startGateway(CONFIG);
  const { document: { routes } } = await ask(gateway.url);
  const text = describe(parseConfig(CONFIG, () => undefined));
  assertEquals(routes.length, 3);
  for (const { route, upstreamCalls: { least, most }, parts } of routes) {
    const [, after = ""] = text.split(`${route}\n`);
    const count = least === most ? `${most}` : `${least} to ${most}`;
    assertMatch(after, new RegExp(`^ {2}deadline .*, ${count} upstream call`), route);
    assertEquals(parts, undefined, "in short");
  }
});

Deno.test("explain: a request makes as many upstream calls as it says, at least and at most", async () => {
  let status = 500;
  let calls = 0;
  const source = () => {
    calls++;
    return Promise.resolve(json([1], status));
  };
  const retry = { attempts: 3, backoff: "1ms", budget: { share: 1, minPerSecond: 100 } } as const;
  await using gateway = startGateway({
    upstreams: { up: { source, retry }, cached: { source, retry, cache: { ttl: "1h" } } },
    routes: {
      "GET /": {
        gather: {
          one: { from: "up", optional: true },
          many: { from: "up", path: "/{item}", each: "{query.ids}", max: 4, optional: true },
          cached: { from: "cached", path: "/c", optional: true },
        },
      },
    },
  });
  const { document: { upstreamCalls } } = await ask(gateway.url, "GET /");
  const callsOf = async (path: string) => {
    calls = 0;
    await (await fetch(gateway.url + path)).body?.cancel();
    return calls;
  };
  assertEquals(await callsOf("/?ids=1&ids=2&ids=3&ids=4"), upstreamCalls.most);
  status = 200;
  await callsOf("/");
  assertEquals(await callsOf("/"), upstreamCalls.least);
});
