import { assert, assertEquals } from "@std/assert";
import type { Part } from "../../lib/config/part.ts";
import { ask, type EnvelopeDocument, readEnvelope, readProblem } from "../support/responses.ts";
import { type GatedUpstream, startGatedUpstream } from "../support/gated_upstream.ts";
import { gatewayFor, startGateway } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { until } from "../support/program.ts";
import { RecordReader, STREAMS } from "../support/records.ts";

const COUNT = 1_000;
const NUMBERS = [...Array(COUNT).keys()];

/** Answers `/list` with the list, and an item with its path; `/items/bad…` fails. */
function startItems(list: unknown, gated: readonly string[] | "all" = []): GatedUpstream {
  return startGatedUpstream(({ url }) => {
    const { pathname, search } = new URL(url);
    if (pathname === "/list") return Response.json(list);
    if (pathname.includes("bad")) return new Response("", { status: 500 });
    return Response.json(pathname + search);
  }, gated);
}

/** Part `list` gets the list, and part `items` an item for each of its elements. */
function itemsOf(items: Partial<Part<"up">> = {}): Readonly<Record<string, Part<"up">>> {
  return {
    list: { from: "up", path: "/list" },
    items: { from: "up", path: "/items/{item}", each: "{list}", optional: true, ...items },
  };
}

const problemsIn = ({ problems = [] }: EnvelopeDocument) =>
  problems.map(({ part, index, type, status }) => [part, index, type.split("/").at(-1), status]);

const paths = (numbers: readonly number[]) => numbers.map((number) => `/items/${number}`);

Deno.test("of 1,000 items 8 are in flight, and one more as soon as one has ended", async () => {
  await using upstream = startItems(NUMBERS, paths(NUMBERS));
  await using gateway = gatewayFor({
    upstream: upstream.url,
    gather: itemsOf({ max: COUNT, concurrency: 8 }),
  });
  const answer = ask(gateway.url);
  await upstream.asked(1 + 8);
  // The responses arrive in another order: last first within each 8.
  let opened = 0;
  for (let from = 0; from < 80; from += 8) {
    for (const path of paths(NUMBERS.slice(from, from + 8)).toReversed()) {
      upstream.open(path);
      opened++;
      await upstream.asked(1 + 8 + opened);
      assertEquals(upstream.requests.length, 1 + 8 + opened);
    }
    // The window moves on only as far as there is room in it.
    assert(upstream.active <= 8, `${upstream.active} are in flight`);
  }
  upstream.openAll();
  const { data, complete } = await readEnvelope(await answer, { parts: ["items", "list"] });
  assertEquals([data.items, complete], [paths(NUMBERS), true]);
  assertEquals([upstream.requests.length, upstream.most], [1 + COUNT, 8]);
});

Deno.test("a client that leaves in the middle of 1,000 items stops them for good", async () => {
  await using upstream = startItems(NUMBERS, paths(NUMBERS.slice(100)));
  await using gateway = gatewayFor({
    upstream: upstream.url,
    gather: itemsOf({ max: COUNT, concurrency: 8 }),
  });
  const client = new AbortController();
  const leaving = ask(gateway.url, { signal: client.signal }).catch(() => "left");
  await upstream.asked(1 + 108);
  client.abort();
  assertEquals(await leaving, "left");
  await until(() => upstream.active === 0, "all are left");
  await until(() => gateway.log.length === 1, "the log has the request");
  assertEquals(gateway.log[0]?.parts?.map(({ part, problem }) => [part, problem]), [
    ["list", undefined],
    ["items", "cancelled"],
  ]);
  // Another request, from beginning to end, in which whatever was still to come would have come.
  assertEquals((await (await ask(`${gateway.url}/_gateway/health/live`)).text()).length > 0, true);
  assertEquals([upstream.requests.length, upstream.active], [109, 0]);
  assertEquals(gateway.errors, []);
});

Deno.test("a failed item of a required part stops further calls", async () => {
  const list = [...NUMBERS.slice(0, 20), "bad", ...NUMBERS.slice(20)];
  await using upstream = startItems(list, [...paths(NUMBERS), "/items/bad"]);
  await using gateway = gatewayFor({
    upstream: upstream.url,
    gather: itemsOf({ optional: false, max: 2_000, concurrency: 8 }),
  });
  const answer = ask(gateway.url);
  for (const path of paths(NUMBERS.slice(0, 15))) upstream.open(path);
  // The list, the items so far, and 8 in flight.
  const asked = 1 + 15 + 8;
  await upstream.asked(asked);
  upstream.open("/items/bad");
  const { problems } = await readProblem(await answer, {
    status: 502,
    kind: "upstream-error",
    parts: ["items", "list"],
  });
  assertEquals(problems?.map(({ part, index }) => [part, index]), [["items", 20]]);
  await until(() => upstream.active === 0, "all are left");
  assertEquals(upstream.requests.length, asked);
});

Deno.test("at the deadline each missing item has its problem, called or not", async () => {
  const list = NUMBERS.slice(0, 40);
  await using upstream = startItems(list, paths([3, 12, 13, 14]));
  const clock = new ManualClock();
  await using optional = gatewayFor({
    upstream: upstream.url,
    deadline: "100ms",
    gather: itemsOf({ concurrency: 4 }),
  }, { clock });
  const response = ask(optional.url);
  await until(() => optional.replies === 1 + 11 && upstream.active === 4, "four hang");
  await clock.advance(100);
  const document = await readEnvelope(await response);
  // 3 occupies one slot of four, and then 12, 13 and 14 the others: no further call starts.
  const missing = [3, ...list.slice(12)];
  assertEquals(
    document.data.items,
    list.map((number) => missing.includes(number) ? null : `/items/${number}`),
  );
  assertEquals(
    problemsIn(document),
    missing.map((index) => ["items", index, "deadline-exceeded", 504]),
  );
  assertEquals(upstream.requests.length, 1 + 15);
  await until(() => upstream.active === 0, "all are left");

  await using required = gatewayFor({
    upstream: upstream.url,
    deadline: "100ms",
    gather: itemsOf({ concurrency: 4, optional: false }),
  });
  const { problems = [] } = await readProblem(await ask(required.url), {
    status: 504,
    kind: "deadline-exceeded",
  });
  assert(problems.every(({ part, status }) => part === "items" && status === 504));
});

Deno.test("a list of 100 is taken and one of 101 is not, where no max is said", async () => {
  const lists: readonly (readonly [number, unknown[]])[] = [
    [100, []],
    [101, [["items", undefined, "too-many-items", 502]]],
  ];
  for (const [count, expected] of lists) {
    await using upstream = startItems(NUMBERS.slice(0, count));
    await using gateway = gatewayFor({ upstream: upstream.url, gather: itemsOf() });
    assertEquals(problemsIn(await readEnvelope(await ask(gateway.url))), expected);
    assertEquals(upstream.requests.length, count === 100 ? 101 : 1);
  }
});

Deno.test("equal items count against max, although they share a call", async () => {
  await using upstream = startItems([1, 1, 1, 1]);
  await using three = gatewayFor({ upstream: upstream.url, gather: itemsOf({ max: 3 }) });
  assertEquals(problemsIn(await readEnvelope(await ask(three.url))), [
    ["items", undefined, "too-many-items", 502],
  ]);
  await using four = gatewayFor({ upstream: upstream.url, gather: itemsOf({ max: 4 }) });
  assertEquals((await readEnvelope(await ask(four.url))).data.items, Array(4).fill("/items/1"));
  assertEquals(upstream.paths, ["/list", "/list", "/items/1"]);
});

const SEGMENTS: readonly (readonly [item: unknown, path: string | undefined])[] = [
  ["a/b", "/items/a%2Fb"],
  ["%2e%2e", "/items/%252e%252e"],
  ["%2E", "/items/%252E"],
  ["..%2f", "/items/..%252f"],
  ["...", "/items/..."],
  [" ", "/items/%20"],
  ["a?b#c&d=e", "/items/a%3Fb%23c%26d%3De"],
  ["é😀\u2028", `/items/${encodeURIComponent("é😀\u2028")}`],
  [0, "/items/0"],
  [-0.5, "/items/-0.5"],
  [false, "/items/false"],
  ["..", undefined],
  [".", undefined],
  ["", undefined],
  ["..\\", undefined],
  ["a/..", undefined],
  ["/", "/items/%2F"],
  ["//", "/items/%2F%2F"],
  [null, undefined],
  [[], undefined],
  [["x"], undefined],
  [{}, undefined],
];

Deno.test("an item is at most one segment of a path", async () => {
  const outcomes = new Map<string, string | undefined>();
  for (const [item] of SEGMENTS) {
    await using upstream = startItems([item]);
    await using gateway = gatewayFor({ upstream: upstream.url, gather: itemsOf() });
    const document = await readEnvelope(await ask(gateway.url));
    outcomes.set(JSON.stringify(item), upstream.paths[1]);
    if (upstream.paths.length === 1) {
      assertEquals(problemsIn(document), [["items", 0, "input-invalid", 502]]);
      assertEquals(document.data.items, [null]);
    }
  }
  for (const [item, path] of SEGMENTS) {
    const asked = outcomes.get(JSON.stringify(item));
    assertEquals(asked, path, JSON.stringify(item));
  }
});

Deno.test("items that differ in their text get separate calls, equal ones share one", async () => {
  const text = '[1, 1.0, 10e-1, "1", true, "true", {"id":1,"x":2}, {"id":1,"x":3}, {"id":1,"x":2}]';
  await using upstream = startGatedUpstream(async (request) => {
    const { pathname } = new URL(request.url);
    return pathname === "/list" ? new Response(text) : Response.json(await request.json());
  });
  await using gateway = gatewayFor({
    upstream: upstream.url,
    gather: itemsOf({ method: "POST", path: "/x", body: "{item}" }),
  });
  const { data } = await readEnvelope(await ask(gateway.url));
  assertEquals(data.items, JSON.parse(text));
  assertEquals(upstream.paths.length, 1 + 8);
});

Deno.test("a number too large for JavaScript is sent unchanged, and not as null", async () => {
  const list = "[1e999,-1e999,1e308,-0,10.10]";
  await using upstream = startGatedUpstream(async (request) =>
    new Response(request.url.endsWith("/list") ? list : await request.text())
  );
  await using gateway = gatewayFor({
    upstream: upstream.url,
    gather: itemsOf({ method: "POST", path: "/x", body: "{item}" }),
  });
  const text = await (await ask(gateway.url)).text();
  assertEquals(text, `{"data":{"list":${list},"items":${list}},"complete":true}`);
});

Deno.test("in place of a list: what leads nowhere or to something else", async () => {
  const lists = [{ ids: { 0: 1, length: 1 } }, { ids: "abc" }, { ids: null }, { ids: 0 }, {}, null];
  for (const list of lists) {
    await using upstream = startItems(list);
    await using gateway = gatewayFor({
      upstream: upstream.url,
      gather: itemsOf({ each: "{list.ids}", otherwise: [0] }),
    });
    const document = await readEnvelope(await ask(gateway.url));
    assertEquals(problemsIn(document), [["items", undefined, "input-invalid", 502]]);
    assertEquals(document.data.items, [0]);
    assertEquals(upstream.paths, ["/list"]);
  }
});

Deno.test("a list of lists is followed by its index, and a list within items by its name", async () => {
  await using upstream = startItems({ all: [[1, 2], [{ id: { n: 3 } }, { id: {} }]] });
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /": {
        gather: {
          list: { from: "up", path: "/list" },
          one: { from: "up", path: "/items/{item}", each: "{list.all.0}" },
          two: { from: "up", path: "/items/{item.id.n}", each: "{list.all.1}", optional: true },
          three: { from: "up", path: "/again/{item}/of/{list.all.0.1}", each: "{one}" },
        },
      },
    },
  });
  const document = await readEnvelope(await ask(gateway.url));
  assertEquals(document.data.one, ["/items/1", "/items/2"]);
  assertEquals(document.data.two, ["/items/3", null]);
  assertEquals(document.data.three, [
    "/again/%2Fitems%2F1/of/2",
    "/again/%2Fitems%2F2/of/2",
  ]);
  assertEquals(problemsIn(document), [["two", 1, "input-invalid", 502]]);
});

Deno.test("a part that needs a list with failed items is called, with null in their places", async () => {
  const bodies: unknown[] = [];
  await using upstream = startGatedUpstream(async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/list") return Response.json([1, "bad", 2]);
    if (pathname === "/after") bodies.push(await request.json());
    return pathname.includes("bad") ? new Response("", { status: 500 }) : Response.json(pathname);
  });
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /": {
        gather: {
          list: { from: "up", path: "/list" },
          items: { from: "up", path: "/items/{item}", each: "{list}", optional: true },
          after: { from: "up", method: "POST", path: "/after", body: "{items}" },
        },
      },
    },
  });
  const { data } = await readEnvelope(await ask(gateway.url));
  assertEquals([data.after, bodies], ["/after", [["/items/1", null, "/items/2"]]]);
});

Deno.test("a client that prefers strict loses the whole with one item", async () => {
  await using upstream = startItems([1, "bad", 2]);
  await using gateway = gatewayFor({ upstream: upstream.url, gather: itemsOf() });
  const response = await ask(gateway.url, { headers: { prefer: "handling=strict" } });
  const { problems } = await readProblem(response, { status: 502, kind: "upstream-error" });
  assertEquals(problems?.map(({ part, index }) => [part, index]), [["items", 1]]);
});

for (const accept of STREAMS) {
  Deno.test(`${accept}: a list is one record, and each item that failed another`, async () => {
    await using upstream = startItems([1, "bad", 2, ".."]);
    await using gateway = gatewayFor({ upstream: upstream.url, gather: itemsOf() });
    const records = await new RecordReader(await ask(gateway.url, { headers: { accept } })).rest();
    assertEquals(
      records.map(({ event, part, index, data, problem }) => [
        event,
        part,
        index,
        data ?? problem?.status,
      ]),
      [
        ["part", "list", undefined, [1, "bad", 2, ".."]],
        ["part", "items", undefined, ["/items/1", null, "/items/2", null]],
        ["problem", "items", 1, 502],
        ["problem", "items", 3, 502],
        ["done", undefined, undefined, undefined],
      ],
    );
    assertEquals(records.at(-1)?.complete, false);
  });
}

Deno.test("a list of the client's may be as long as max, and no longer", async () => {
  await using upstream = startItems([]);
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /": {
        gather: { items: { from: "up", path: "/items/{item}", each: "{query.i}", max: 50 } },
      },
      "POST /": {
        gather: {
          items: {
            from: "up",
            path: "/items/{item.id}",
            each: "{body.a.ids}",
            max: 50,
            optional: true,
          },
        },
      },
    },
  });
  const get = (count: number) =>
    ask(`${gateway.url}/?${NUMBERS.slice(0, count).map((number) => `i=${number}`).join("&")}`);
  const post = (count: number) =>
    ask(gateway.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ a: { ids: NUMBERS.slice(0, count).map((id) => ({ id })) } }),
    });
  for (const asked of [get, post]) {
    assertEquals((await readEnvelope(await asked(50))).data.items, paths(NUMBERS.slice(0, 50)));
    assertEquals((await readEnvelope(await asked(0))).data.items, []);
    const before = upstream.requests.length;
    await readProblem(await asked(51), { status: 400, kind: "bad-request" });
    assertEquals(upstream.requests.length, before);
  }
});
