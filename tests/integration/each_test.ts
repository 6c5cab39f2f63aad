import { assert, assertEquals } from "@std/assert";
import type { Part } from "../../lib/config/part.ts";
import { ask, type EnvelopeDocument, readEnvelope, readProblem } from "../support/responses.ts";
import { startGatedUpstream } from "../support/gated_upstream.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { startUpstream } from "../support/upstream.ts";

/** A gateway whose part `list` returns `list`, and whose part `items` makes a call for each. */
function eachOf(url: string, part: Partial<Part> = {}): TestGateway {
  return startGateway({
    upstreams: { up: { url } },
    routes: {
      "GET /": {
        gather: {
          list: { from: "up", path: "/list" },
          items: { from: "up", path: "/items/{item}", each: "{list}", optional: true, ...part },
        },
      },
    },
  });
}

const problemsIn = ({ problems = [] }: EnvelopeDocument) =>
  problems.map(({ part, index, status, detail }) => [part, index, status, detail]);

Deno.test("each item gets a call, equal ones share one, and the results keep their order", async () => {
  const list = [3, "b c", 3, true, 1, "b c"];
  await using upstream = startUpstream(({ url }) => {
    const { pathname } = new URL(url);
    return Response.json(pathname === "/list" ? list : pathname);
  });
  await using gateway = eachOf(upstream.url);
  const { data, complete } = await readEnvelope(await ask(gateway.url));
  const path = (item: unknown) => `/items/${encodeURIComponent(String(item))}`;
  assertEquals([data.items, complete], [list.map(path), true]);
  assertEquals(upstream.requests.length, 5);
});

Deno.test("an empty list makes no calls", async () => {
  await using upstream = startUpstream(() => Response.json([]));
  await using gateway = eachOf(upstream.url);
  assertEquals((await readEnvelope(await ask(gateway.url))).data, { list: [], items: [] });
  assertEquals(upstream.requests.length, 1);
});

const NO_LISTS: readonly (readonly [unknown, string, string])[] = [
  [{ a: 1 }, "list: must be a list", "input-invalid"],
  [null, "list: must be a list", "input-invalid"],
  ["text", "list: must be a list", "input-invalid"],
  [[1, 2, 3, 4], "list: must have at most 3 items for items; got 4", "too-many-items"],
];
for (const [list, detail, kind] of NO_LISTS) {
  Deno.test(`in place of a list: ${JSON.stringify(list)}`, async () => {
    await using upstream = startUpstream(() => Response.json(list));
    for (const otherwise of [undefined, ["stand-in"]]) {
      await using gateway = eachOf(upstream.url, {
        max: 3,
        ...(otherwise && { otherwise }),
      });
      const document = await readEnvelope(await ask(gateway.url));
      assertEquals(problemsIn(document), [["items", undefined, 502, detail]]);
      assertEquals(document.problems?.[0]?.type, `/_gateway/problems/${kind}`);
      assertEquals(document.data.items, otherwise ?? null);
    }
    await using required = eachOf(upstream.url, { max: 3, optional: false });
    const problem = await (await ask(required.url)).json();
    assertEquals([problem.status, problem.type], [502, `/_gateway/problems/${kind}`]);
  });
}

Deno.test("a list of exactly the maximum length is accepted", async () => {
  await using upstream = startUpstream(() => Response.json([1, 2, 3]));
  await using gateway = eachOf(upstream.url, { max: 3 });
  assertEquals((await readEnvelope(await ask(gateway.url))).complete, true);
});

Deno.test("items whose call cannot be made, or fails, are null, each with its problem", async () => {
  await using upstream = startUpstream(({ url }) => {
    const { pathname } = new URL(url);
    if (pathname === "/list") return Response.json([1, null, "..", { a: 1 }, "bad", "", 2, "bad"]);
    return pathname.endsWith("bad") ? new Response("", { status: 500 }) : Response.json(pathname);
  });
  await using gateway = eachOf(upstream.url);
  const document = await readEnvelope(await ask(gateway.url));
  assertEquals(document.data.items, ["/items/1", null, null, null, null, null, "/items/2", null]);
  const scalar = "item: must be a string, a number or a boolean";
  const segment = 'item: must not be empty, "." or ".."';
  assertEquals(problemsIn(document), [
    ["items", 1, 502, scalar],
    ["items", 2, 502, segment],
    ["items", 3, 502, scalar],
    ["items", 4, 502, "the upstream returned 500"],
    ["items", 5, 502, segment],
    ["items", 7, 502, "the upstream returned 500"],
  ]);
  assertEquals(upstream.requests.length, 4);
});

Deno.test("what items hold is a value like any other", async () => {
  await using upstream = startUpstream(({ url }) => {
    const { pathname } = new URL(url);
    return Response.json(pathname === "/list" ? [{ id: 7, to: { x: 1 } }, { id: 8 }] : pathname);
  });
  await using gateway = eachOf(upstream.url, { path: "/items/{item.id}/{item.to.x}" });
  const document = await readEnvelope(await ask(gateway.url));
  assertEquals(document.data.items, ["/items/7/1", null]);
  assertEquals(problemsIn(document), [["items", 1, 502, "item.to.x: is missing"]]);
});

Deno.test("a failed item of a required part fails the whole, and ends the others", async () => {
  await using upstream = startGatedUpstream(({ url }) => {
    const { pathname } = new URL(url);
    if (pathname === "/list") return Response.json([0, 1, 2, 3, 4, 5]);
    return new Response("", { status: pathname.endsWith("/1") ? 404 : 200 });
  }, ["/items/0", "/items/1", "/items/2", "/items/3"]);
  await using gateway = eachOf(upstream.url, { optional: false, concurrency: 3 });
  const answer = ask(gateway.url);
  await upstream.reached("/items/2");
  upstream.open("/items/1");
  const { problems, detail } = await readProblem(await answer, {
    status: 404,
    kind: "upstream-refused",
  });
  assertEquals(detail, "the part items is required: item 1: the upstream returned 404");
  assertEquals(problems?.map(({ part, index }) => [part, index]), [["items", 1]]);
  assert(!upstream.paths.includes("/items/5"));
});

Deno.test("of 1,000 items at most 8 are in flight, and they stop when the client leaves", async () => {
  await using upstream = startGatedUpstream(({ url }) => {
    const { pathname } = new URL(url);
    return Response.json(
      pathname === "/list" ? Array.from({ length: 1000 }, (_, index) => index) : 1,
    );
  });
  await using gateway = eachOf(upstream.url, { max: 1000, concurrency: 8 });
  const { data } = await readEnvelope(await ask(gateway.url));
  assertEquals(data.items, Array(1000).fill(1));
  assertEquals(upstream.requests.length, 1001);
  assert(upstream.most <= 8, `${upstream.most} were in flight`);

  await using held = startGatedUpstream(
    ({ url }) => {
      const { pathname } = new URL(url);
      return Response.json(
        pathname === "/list" ? Array.from({ length: 1000 }, (_, index) => index) : 1,
      );
    },
    ["/items/100"],
  );
  await using other = eachOf(held.url, { max: 1000, concurrency: 1 });
  const client = new AbortController();
  const leaving = ask(other.url, { signal: client.signal }).catch(() => "left");
  await held.reached("/items/100");
  const abandoned = held.abandoned();
  client.abort();
  assertEquals(await leaving, "left");
  await abandoned;
  assertEquals(held.requests.length, 102);
});

Deno.test("at the deadline what came is there, and each item that did not has its problem", async () => {
  await using upstream = startGatedUpstream(
    ({ url }) => Response.json(url.endsWith("/list") ? [0, 1, 2, 3] : 1),
    ["/items/1", "/items/3"],
  );
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /": {
        deadline: "100ms",
        gather: {
          list: { from: "up", path: "/list" },
          items: { from: "up", path: "/items/{item}", each: "{list}", optional: true },
        },
      },
    },
  });
  const document = await readEnvelope(await ask(gateway.url));
  assertEquals(document.data.items, [1, null, 1, null]);
  assertEquals(problemsIn(document).map(([, index, status]) => [index, status]), [[1, 504], [
    3,
    504,
  ]]);
});

Deno.test("a client's list is checked before the first call", async () => {
  await using upstream = startUpstream(({ url }) => Response.json(new URL(url).pathname));
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /": {
        gather: { items: { from: "up", path: "/{item}", each: "{query.id}", max: 3 } },
      },
      "POST /": {
        gather: { items: { from: "up", path: "/{item.id}", each: "{body.ids}", max: 3 } },
      },
    },
  });
  const get = async (query: string) => await ask(`${gateway.url}/${query}`);
  const post = (body: unknown) =>
    ask(gateway.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  assertEquals((await readEnvelope(await get("?id=1&id=2&id=1"))).data.items, ["/1", "/2", "/1"]);
  assertEquals((await readEnvelope(await get(""))).data.items, []);
  assertEquals((await readEnvelope(await post({ ids: [{ id: 5 }] }))).data.items, ["/5"]);
  const before = upstream.requests.length;
  const wrong = [
    await get("?id=1&id=.."),
    await get("?id=1&id=2&id=3&id=4"),
    await post({ ids: { id: 1 } }),
    await post({}),
    await post({ ids: null }),
    await post({ ids: [{ id: 1 }, {}] }),
    await post({ ids: [1, 2, 3, 4] }),
  ];
  for (const response of wrong) await readProblem(response, { status: 400, kind: "bad-request" });
  assertEquals(upstream.requests.length, before);
});
