import { assert, assertEquals } from "@std/assert";
import { parseConfig } from "../../../lib/config/parse.ts";
import { explainRoute, type RouteExplanation } from "../../../lib/upstream/explain.ts";

type Keys = Readonly<Record<string, unknown>>;

/** Explains the route `/:id` over an upstream `up`; other routes may stand beside it. */
function explain(route: Keys, config: Keys = {}, upstream: Keys = {}): RouteExplanation {
  const up = { url: "http://127.0.0.1:9001", timeout: "100ms", ...upstream };
  const { routes, ...rest } = { routes: {}, ...config };
  const key = "batch" in route ? "POST /:id" : "GET /:id";
  const written = { upstreams: { up }, ...rest, routes: { [key]: route, ...routes } };
  const settings = parseConfig(written, () => undefined);
  const [read] = settings.routes;
  assert(read);
  return explainRoute(read, settings);
}

const part = (keys: Keys = {}) => ({ from: "up", ...keys });

const CALLS: readonly {
  readonly what: string;
  readonly route: Keys;
  readonly upstream?: Keys;
  readonly config?: Keys;
  readonly calls: readonly [least: number, most: number];
}[] = [
  { what: "parts of one call", route: { gather: { a: part(), b: part() } }, calls: [2, 2] },
  {
    what: "retries, each of which may be hedged",
    route: { gather: { a: part() } },
    upstream: { retry: {}, hedge: {} },
    calls: [1, 6],
  },
  {
    what: "a method that is neither retried nor hedged",
    route: { gather: { a: part({ method: "POST" }) } },
    upstream: { retry: {}, hedge: {} },
    calls: [1, 1],
  },
  {
    what: "a list that may be empty, and full",
    route: { gather: { a: part({ each: "{query.ids}", path: "/{item}", max: 7 }) } },
    upstream: { retry: { attempts: 2 } },
    calls: [0, 14],
  },
  {
    what: "pages, of which there is always one",
    route: { gather: { a: part({ pages: { next: "link", max: 4 } }) } },
    calls: [1, 4],
  },
  {
    what: "a cached part",
    route: { gather: { a: part({ cache: {} }), b: part() } },
    calls: [1, 2],
  },
  { what: "a cached response", route: { gather: { a: part() }, cache: {} }, calls: [0, 1] },
  {
    what: "a race, which may be over before its second step",
    route: { first: { a: part(), b: part(), c: part({ needs: ["a"] }) } },
    calls: [2, 3],
  },
  { what: "a forward", route: { forward: "up" }, upstream: { retry: {} }, calls: [1, 1] },
  { what: "a cached forward", route: { forward: "up", cache: {} }, calls: [0, 1] },
  {
    what: "a batch of the route with the most calls",
    route: { batch: { max: 5 } },
    config: {
      routes: {
        "GET /a": { forward: "up" },
        "GET /b": { gather: { a: part(), b: part(), c: part() } },
        "POST /c": { batch: { max: 100 } },
      },
    },
    calls: [0, 15],
  },
];

for (const { what, route, upstream, config, calls: [least, most] } of CALLS) {
  Deno.test(`explain: upstream calls of ${what}`, () => {
    assertEquals(explain(route, config, upstream).upstreamCalls, { least, most });
  });
}

Deno.test("explain: a gather with its graph, stacks, bounds, limits and caches", () => {
  const explained = explain({
    deadline: "1s",
    limit: ["perClient"],
    cost: 2,
    cache: { ttl: "10s" },
    gather: {
      profile: part({ path: "/users/{id}{?query.lang}" }),
      friends: part({
        path: "/users/{item}",
        each: "{profile.friendIds}",
        max: 20,
        optional: true,
      }),
      orders: part({ cache: { ttl: "1m" }, params: "{query}", needs: ["profile"] }),
    },
  }, {
    limits: { perClient: { rate: "100/min", burst: 20, by: ["header:x-api-key", "ip"] } },
  });
  const stack = ["accept json", "coalesce", "timeout 100ms", "buffer 4MiB"];
  assertEquals(explained, {
    route: "GET /:id",
    kind: "gather",
    deadlineMs: 1000,
    worstCaseMs: 400,
    upstreamCalls: { least: 0, most: 22 },
    cost: 2,
    limits: [{
      name: "perClient",
      rate: "100/min",
      burst: 20,
      by: ["header:x-api-key", "ip"],
      perRoute: false,
    }],
    auth: [],
    upstreams: ["up"],
    cache: { ttlMs: 10_000, storedFor: "stored for all with the same accept-language" },
    parts: [
      {
        part: "profile",
        upstream: "up",
        method: "GET",
        needs: [],
        optional: false,
        uses: ["id", "query.lang"],
        stack,
        timeoutMs: 100,
        upstreamCalls: { least: 1, most: 1 },
      },
      {
        part: "friends",
        upstream: "up",
        method: "GET",
        needs: ["profile"],
        optional: true,
        uses: ["item", "profile.friendIds"],
        stack: ["accept json", "coalesce", "shed", "timeout 100ms", "buffer 4MiB"],
        timeoutMs: 100,
        upstreamCalls: { least: 0, most: 20 },
        each: { max: 20, concurrency: 8 },
      },
      {
        part: "orders",
        upstream: "up",
        method: "GET",
        needs: ["profile"],
        optional: false,
        uses: ["query"],
        stack: ["accept json", "cache 60s", ...stack.slice(1)],
        timeoutMs: 100,
        upstreamCalls: { least: 0, most: 1 },
        cache: { ttlMs: 60_000, storedFor: "stored for all with the same accept-language" },
      },
    ],
  });
});

Deno.test("explain: each kind of route has what is particular to it", () => {
  const forward = explain({ forward: "up" });
  assertEquals([forward.kind, forward.forward], [
    "forward",
    { upstream: "up", stack: ["timeout 100ms"], timeoutMs: 100 },
  ]);
  const batch = explain({ batch: {} });
  assertEquals([batch.kind, batch.batch, batch.upstreams], [
    "batch",
    { max: 20, concurrency: 8, maxBody: 2 ** 20, maxTotal: 2 ** 23 },
    [],
  ]);
  const quorum = explain({ quorum: 2, gather: { a: part(), b: part(), c: part() } });
  assertEquals([quorum.kind, quorum.quorum], ["quorum", 2]);
  assertEquals(explain({ first: { a: part() } }).kind, "first");
});
