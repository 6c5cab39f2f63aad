import { assert, assertEquals } from "@std/assert";
import { parseConfig } from "../../../lib/config/parse.ts";
import { selectionOf } from "../../../lib/json/pick.ts";
import {
  A,
  ATTEMPTS,
  configOf,
  gatherOf,
  itemOf,
  problemsOf,
  UP,
  upstreamOf,
} from "../../support/part_configs.ts";

function partsOf(input: unknown) {
  const { routes: [route] } = parseConfig(input, () => undefined);
  assert(route && "parts" in route);
  return route;
}

Deno.test("references make the graph, from wherever they are; each need once", () => {
  const { parts } = partsOf(configOf({
    "POST /:id": {
      gather: {
        a: { from: "up", path: "/{id}/{query.x}/{header.y}/{body.z}" },
        b: { from: "up", path: "/{a.x}{?a.y}", needs: ["c", "a"] },
        c: { from: "up", params: { p: ["{a}"] }, headers: { h: "{d.x}" } },
        d: { from: "up", method: "POST", body: { deep: [{ x: "<{e.f.g}>" }] } },
        e: { from: "up", path: "/{item.x}", each: "{f.list}" },
        f: { from: "up" },
      },
    },
  }));
  assertEquals(Object.fromEntries(parts.map(({ name, needs }) => [name, needs])), {
    a: [],
    b: ["a", "c"],
    c: ["a", "d"],
    d: ["e"],
    e: ["f"],
    f: [],
  });
});

Deno.test("an each has its defaults, and a list of the client's body is read", () => {
  const { parts: [part], readsBody } = partsOf(configOf({
    "POST /": { gather: { a: { from: "up", path: "/{item}", each: "{body.ids}" } } },
  }));
  assertEquals([part?.each?.concurrency, part?.each?.max, readsBody], [8, 100, true]);
});

Deno.test("retry and concurrency have their defaults, which others replace", () => {
  const settingsOf = (keys: unknown) => {
    const { upstreams: [upstream] } = parseConfig(upstreamOf(keys), () => undefined);
    return { retry: upstream?.retry, concurrency: upstream?.concurrency };
  };
  const retry = {
    attempts: 3,
    backoffMs: 50,
    maxBackoffMs: 1000,
    methods: new Set(["GET", "HEAD", "QUERY"]),
    budget: { share: 0.2, minPerSecond: 3 },
  };
  assertEquals(settingsOf({ retry: {}, concurrency: 64 }), {
    retry,
    concurrency: { max: 64, queue: 128 },
  });
  assertEquals(
    settingsOf({
      retry: {
        attempts: 2,
        backoff: "1ms",
        maxBackoff: "2ms",
        methods: ["POST"],
        budget: { share: 0, minPerSecond: 0 },
      },
      concurrency: { max: 2, queue: 0 },
    }),
    {
      retry: {
        attempts: 2,
        backoffMs: 1,
        maxBackoffMs: 2,
        methods: new Set(["POST"]),
        budget: { share: 0, minPerSecond: 0 },
      },
      concurrency: { max: 2, queue: 0 },
    },
  );
});

Deno.test("a cache stands on an upstream; parts and forwards say otherwise", () => {
  const { upstreams, routes } = parseConfig({
    upstreams: {
      up: { ...UP, cache: { ttl: "30s", stale: "5m", staleIfError: "1h", override: true } },
      bare: UP,
    },
    routes: {
      "GET /a": {
        cache: { ttl: "10s" },
        gather: {
          same: { from: "up" },
          own: { from: "up", cache: {} },
          none: { from: "up", cache: false },
          bare: { from: "bare" },
        },
      },
      "GET /f": { forward: "up" },
      "GET /g": { forward: "up", cache: false },
      "GET /h": { forward: "bare", cache: { ttl: "1s" } },
    },
  }, () => undefined);
  const full = {
    ttlMs: 30_000,
    staleMs: 300_000,
    staleIfErrorMs: 3_600_000,
    override: true,
    isShared: false,
  };
  const http = {
    ttlMs: undefined,
    staleMs: undefined,
    staleIfErrorMs: undefined,
    override: false,
    isShared: false,
  };
  assertEquals(upstreams.map(({ cache }) => cache), [full, undefined]);
  const [aggregate, ...forwards] = routes;
  assert(aggregate && "parts" in aggregate);
  assertEquals(aggregate.cache, { ...http, ttlMs: 10_000 });
  assertEquals(aggregate.parts.map(({ cache }) => cache), [full, http, undefined, undefined]);
  assertEquals(forwards.map((route) => "to" in route && route.cache), [
    full,
    undefined,
    { ...http, ttlMs: 1_000 },
  ]);
});

Deno.test("a part's shape is read, and a text may be mapped", () => {
  const map = (data: unknown) => data;
  const { parts: [a, b] } = partsOf(gatherOf({
    a: { from: "up", select: "/a~1b/0", pick: ["id", "address.city", "address.zip"], map },
    b: { from: "up", as: "text", map },
  }));
  assertEquals(a?.select, ["a/b", "0"]);
  assertEquals(a?.pick, selectionOf(["id", "address.city", "address.zip"]));
  assertEquals([a?.map === map, b?.map === map, b?.as, b?.select, b?.pick], [
    true,
    true,
    "text",
    undefined,
    undefined,
  ]);
});

Deno.test("the empty pointer takes everything", () => {
  assertEquals(partsOf(gatherOf({ a: { from: "up", select: "" } })).parts[0]?.select, []);
});

Deno.test("races are read, up to all their parts", () => {
  const parts = { a: { from: "up" }, b: { from: "up" } };
  const raceOf = ({ quorum, isFirst }: ReturnType<typeof partsOf>) => [quorum, isFirst];
  assertEquals(raceOf(partsOf(gatherOf(parts))), [undefined, false]);
  assertEquals(raceOf(partsOf(gatherOf(parts, { quorum: 1 }))), [1, false]);
  assertEquals(raceOf(partsOf(gatherOf(parts, { quorum: 2 }))), [2, false]);
  assertEquals(raceOf(partsOf(configOf({ "GET /": { first: parts } }))), [1, true]);
});

Deno.test("a list has what it says of itself, and waits for whom it is of", () => {
  const { parts: [, b] } = partsOf(itemOf({ concurrency: 1, max: 5, needs: ["a"] }));
  assertEquals([b?.each?.concurrency, b?.each?.max, b?.each?.items.name], [1, 5, "a.ids"]);
  assertEquals(b?.needs, ["a"]);
  const { parts: [c] } = partsOf(gatherOf({
    c: { from: "up", method: "POST", body: { x: "{item.id}" }, each: "{query.ids}" },
  }));
  assertEquals([c?.needs, c?.each?.items.reference], [[], { from: "query", name: "ids" }]);
});

Deno.test("a part of which something is wrong still counts as one that others may need", () => {
  assertEquals(
    problemsOf(gatherOf({ a: { from: "up", max: 0 }, b: { from: "up", path: "/{a.x}" } })),
    `${A}.max: ${ATTEMPTS}; got 0`,
  );
});

Deno.test("what two parts need alike is no circle", () => {
  const { parts } = partsOf(gatherOf({
    d: { from: "up", needs: ["b", "c"] },
    b: { from: "up", needs: ["a"] },
    c: { from: "up", needs: ["a"] },
    a: { from: "up" },
  }));
  assertEquals(parts.length, 4);
});
