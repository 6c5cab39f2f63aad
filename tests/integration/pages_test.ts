import { assert, assertEquals, assertMatch } from "@std/assert";
import type { PagesConfig } from "../../lib/config/pages.ts";
import type { Part } from "../../lib/config/part.ts";
import type { GatherRoute } from "../../lib/config/route.ts";
import type { Kind } from "../../lib/core/errors.ts";
import { json } from "../../lib/json/json_reply.ts";
import { ask, type EnvelopeDocument, readEnvelope, readProblem } from "../support/responses.ts";
import { startGatedUpstream } from "../support/gated_upstream.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { startUpstream } from "../support/upstream.ts";

/** How a part's pages are streamed. */
interface Listing {
  readonly part?: Partial<Part>;
  readonly pages?: Partial<PagesConfig>;
  readonly route?: Partial<GatherRoute>;
}

/** A gateway whose part `orders` walks the pages of `/orders`. */
function pagesOf(url: string, { part, pages, route }: Listing = {}): TestGateway {
  return startGateway({
    upstreams: { up: { url } },
    routes: {
      "GET /": {
        ...route,
        gather: {
          orders: {
            from: "up",
            path: "/orders",
            optional: true,
            pages: { next: "/next", items: "/items", ...pages },
            ...part,
          },
          ...route?.gather,
        },
      },
    },
  });
}

/** The number of the requested page. */
const numberOf = ({ url }: Request) => Number(new URL(url).searchParams.get("page") ?? 1);

/** Up to `count` pages of two items, whose bodies name the next; one may differ. */
function bookOf(count: number, odd: Readonly<Record<number, () => Response>> = {}) {
  return (request: Request) => {
    const page = numberOf(request);
    const next = page < count ? `/orders?page=${page + 1}` : null;
    return odd[page]?.() ?? Response.json({ items: [`${page}a`, `${page}b`], next });
  };
}

const failed = () => new Response("", { status: 500 });
const problemsIn = ({ problems = [] }: EnvelopeDocument) =>
  problems.map(({ part, page, status, type, detail }) => [
    part,
    page,
    status,
    type.slice(type.lastIndexOf("/") + 1),
    detail,
  ]);
const ordersOf = async (gateway: TestGateway) => {
  const document = await readEnvelope(await ask(gateway.url));
  return [document.data.orders, problemsIn(document)] as const;
};

for (const count of [1, 2, 10]) {
  Deno.test(`${count} pages are one list`, async () => {
    await using upstream = startUpstream(bookOf(count));
    await using gateway = pagesOf(upstream.url);
    const items = Array.from({ length: count }, (_, page) => [`${page + 1}a`, `${page + 1}b`]);
    assertEquals(await ordersOf(gateway), [items.flat(), []]);
    assertEquals(upstream.requests.length, count);
  });
}

Deno.test("pages without items leave nothing in the list", async () => {
  const pages = [[], [1, 2], [], null, [3], []];
  await using upstream = startUpstream((request) => {
    const page = numberOf(request);
    const next = page < pages.length ? `?page=${page + 1}` : "";
    return Response.json({ items: pages[page - 1], next });
  });
  await using gateway = pagesOf(upstream.url);
  assertEquals(await ordersOf(gateway), [[1, 2, 3], []]);
});

Deno.test("pages are linked by their headers, under a base path, and the part's headers go with each", async () => {
  const asked: unknown[] = [];
  await using upstream = startUpstream((request) => {
    const page = numberOf(request);
    const { origin } = new URL(request.url);
    asked.push([request.url.slice(origin.length), request.headers.get("authorization")]);
    const links = [
      `</v1/help>; rel="help"; title="a, <b>; rel=next"`,
      ...page === 1 ? [`<?page=2>; rel="x next"`] : [],
      ...page === 2 ? [`<${origin}/v1/orders?page=3>; rel=next`] : [],
      ...page === 3 ? [`</v1/more?page=4>; rel=next`] : [],
    ];
    const headers = new Headers();
    for (const link of links) headers.append("link", link);
    return Response.json([page], { headers });
  });
  await using gateway = pagesOf(`${upstream.url}/v1/`, {
    pages: { next: "link", items: "" },
    part: { headers: { authorization: "{header.authorization}" } },
  });
  const headers = { authorization: "Bearer key" };
  const { data } = await readEnvelope(await ask(gateway.url, { headers }));
  assertEquals(data.orders, [1, 2, 3, 4]);
  assertEquals(
    asked,
    ["/v1/orders", "/v1/orders?page=2", "/v1/orders?page=3", "/v1/more?page=4"].map((path) => [
      path,
      "Bearer key",
    ]),
  );
});

Deno.test("a cursor, also a number, goes into the part's own call", async () => {
  const cursors = ["a/b+c=", 3, 0, ""];
  await using upstream = startUpstream(({ url }) => {
    const cursor = new URL(url).searchParams.get("after");
    const page = cursors.findIndex((given) => String(given) === cursor) + 1;
    return Response.json({ items: [page], meta: { "a/b": cursors[page] } });
  });
  await using gateway = pagesOf(upstream.url, {
    part: { params: { size: 2, q: "{query.q}" } },
    pages: { next: "/meta/a~1b", param: "after" },
  });
  const { data, complete } = await readEnvelope(await ask(`${gateway.url}/?q=x%26y`));
  assertEquals([data.orders, complete], [[0, 1, 2, 3], true]);
  assertEquals(
    upstream.requests.map(({ url }) => url.slice(upstream.url.length)),
    ["", "&after=a%2Fb%2Bc%3D", "&after=3", "&after=0"].map((cursor) =>
      `/orders?size=2&q=x%26y${cursor}`
    ),
  );
});

Deno.test("a list without an end is bounded, by pages and by items", async () => {
  await using upstream = startUpstream(bookOf(Infinity));
  const ended = async (pages: Partial<PagesConfig>) => {
    await using gateway = pagesOf(upstream.url, { pages });
    const [orders, problems] = await ordersOf(gateway);
    assert(Array.isArray(orders));
    return [orders.length, problems];
  };
  const tooMany = (page: number, what: string) => [
    ["orders", page, 502, "too-many-items", `page ${page}: ${what}`],
  ];
  assertEquals(await ended({}), [
    20,
    tooMany(11, "more than 10 pages; read: 20 items on 10 pages"),
  ]);
  assertEquals(upstream.requests.length, 10);
  assertEquals(await ended({ maxItems: 5 }), [
    4,
    tooMany(3, "more than 5 items; read: 4 items on 2 pages"),
  ]);
  assertEquals(upstream.requests.length, 13);
  assertEquals(await ended({ max: 3, whenMore: "stop" }), [6, []]);
  assertEquals(await ended({ maxItems: 5, whenMore: "stop" }), [5, []]);
  assertEquals(upstream.requests.length, 19);
});

type Odd = readonly [last: string, page: number, status: number, kind: Kind, detail: string];
const ODD: readonly (readonly [what: string, odd: () => Response, problem: Odd])[] = [
  ["fails", failed, ["2b", 3, 502, "upstream-error", "page 3: the upstream returned 500"]],
  ["is refused", () => new Response("", { status: 404 }), [
    "2b",
    3,
    404,
    "upstream-refused",
    "page 3: the upstream returned 404",
  ]],
  ["is no JSON", () => new Response("[1"), [
    "2b",
    3,
    502,
    "upstream-invalid",
    "page 3: the upstream's response is not JSON",
  ]],
  ["has no list", () => Response.json({}), [
    "2b",
    3,
    502,
    "upstream-invalid",
    "page 3: the upstream's response has no list at /items",
  ]],
  ["leads back", () => Response.json({ items: ["3b"], next: "/orders?page=2" }), [
    "3b",
    4,
    502,
    "upstream-invalid",
    "page 4: page 3 leads back to page 2",
  ]],
  ["leads elsewhere", () => Response.json({ items: ["3b"], next: "http://127.0.0.2/orders" }), [
    "3b",
    4,
    502,
    "upstream-invalid",
    "page 4: page 3 leads off its upstream",
  ]],
];
for (const [what, odd, [last, ...problem]] of ODD) {
  Deno.test(`a third page that ${what}: an optional part has the pages before it`, async () => {
    await using upstream = startUpstream(bookOf(9, { 3: odd }));
    for (const part of [{}, { otherwise: ["stand-in"] }]) {
      await using gateway = pagesOf(upstream.url, { part });
      const [orders, problems] = await ordersOf(gateway);
      assert(Array.isArray(orders));
      assertEquals([orders.at(0), orders.at(-1)], ["1a", last]);
      assertEquals(problems, [["orders", ...problem]]);
    }
    assertEquals(upstream.requests.length, 6);

    const [page, status, kind, detail] = problem;
    const expected = { status, kind };
    await using strict = pagesOf(upstream.url, { part: { optional: false } });
    const document = await readProblem(await ask(strict.url), expected);
    assertEquals(document.detail, `the part orders is required: ${detail}`);
    assertEquals(document.page, page);
    assertEquals(document.problems?.map(({ part, page }) => [part, page]), [["orders", page]]);
    await using lenient = pagesOf(upstream.url);
    const headers = { prefer: "handling=strict" };
    await readProblem(await ask(lenient.url, { headers }), expected);
  });
}

Deno.test("a first page that fails is a part that fails", async () => {
  await using upstream = startUpstream(failed);
  const problems = [["orders", undefined, 502, "upstream-error", "the upstream returned 500"]];
  await using gateway = pagesOf(upstream.url);
  assertEquals(await ordersOf(gateway), [null, problems]);
  await using other = pagesOf(upstream.url, { part: { otherwise: [0] } });
  assertEquals(await ordersOf(other), [[0], problems]);
});

for (
  const [name, link] of [["no link", "/orders?page=2; rel=next"], [
    "an open quote",
    '<?page=2>; rel="next',
  ]] as const
) {
  Deno.test(`a Link header that is ${name} ends the walk, and says so`, async () => {
    await using upstream = startUpstream(() => Response.json([1], { headers: { link } }));
    await using gateway = pagesOf(upstream.url, { pages: { next: "link", items: "" } });
    assertEquals(await ordersOf(gateway), [[1], [[
      "orders",
      2,
      502,
      "upstream-invalid",
      "page 2: page 1 has a Link header that cannot be read",
    ]]]);
    assertEquals(upstream.requests.length, 1);
  });
}

Deno.test("no page of another server is requested, and its address is not revealed", async () => {
  await using other = startUpstream(() => Response.json([2]));
  for (const target of [other.url, other.url.replace("http:", ""), `${other.url}/v1/orders`]) {
    await using upstream = startUpstream(() =>
      Response.json([1], { headers: { link: `<${target}>; rel=next` } })
    );
    await using gateway = pagesOf(`${upstream.url}/v1`, { pages: { next: "link", items: "" } });
    const document = await readEnvelope(await ask(gateway.url), {
      hidden: [new URL(other.url).port, new URL(upstream.url).port],
    });
    assertEquals(document.data.orders, [1]);
    assertEquals(document.problems?.[0]?.detail, "page 2: page 1 leads off its upstream");
  }
  assertEquals(other.requests.length, 0);
});

Deno.test("pick is done to each item, map to the whole list, and others see what map makes", async () => {
  const items = [{ id: 1, a: 1 }, { id: 2, a: 1 }];
  await using upstream = startUpstream((request) =>
    Response.json({ items, next: numberOf(request) === 1 ? "?page=2" : "" })
  );
  await using gateway = pagesOf(upstream.url, {
    part: { pick: ["id"] },
    route: {
      gather: {
        mapped: {
          from: "up",
          path: "/orders",
          pages: { next: "/next", items: "/items" },
          map: (data: unknown) => ({ size: Array.isArray(data) ? data.length : -1 }),
        },
        after: { from: "up", path: "/{mapped.size}", params: { x: "{mapped.size}" } },
      },
    },
  });
  const { data } = await readEnvelope(await ask(gateway.url));
  assertEquals(data.orders, [{ id: 1 }, { id: 2 }, { id: 1 }, { id: 2 }]);
  assertEquals(data.mapped, { size: 4 });
  assert(upstream.requests.some(({ url }) => url.endsWith("/4?x=4")));
});

Deno.test("an item that has nothing to pick fails its page", async () => {
  await using upstream = startUpstream(bookOf(2));
  await using gateway = pagesOf(upstream.url, { part: { pick: ["id"] } });
  const { data, problems } = await readEnvelope(await ask(gateway.url));
  assertEquals([data.orders, problems?.[0]?.detail], [
    null,
    "the upstream's response has no members to pick",
  ]);
});

Deno.test("a client that leaves ends the walk at once", async () => {
  await using upstream = startGatedUpstream(bookOf(9), ["/orders?page=3"]);
  await using gateway = pagesOf(upstream.url);
  const client = new AbortController();
  const leaving = ask(gateway.url, { signal: client.signal }).catch(() => "left");
  await upstream.reached("/orders?page=3");
  const abandoned = upstream.abandoned();
  client.abort();
  assertEquals(await leaving, "left");
  await abandoned;
  upstream.openAll();
  await until(() => upstream.active === 0 && gateway.log.length === 1);
  assertEquals(upstream.paths.length, 3);
  assertEquals(gateway.log[0]?.problem, "cancelled");
});

Deno.test("at the deadline in the middle of a walk what was read is there", async () => {
  await using upstream = startGatedUpstream(bookOf(9), ["/orders?page=3"]);
  await using gateway = pagesOf(upstream.url, { route: { deadline: "150ms" } });
  const document = await readEnvelope(await ask(gateway.url));
  assertEquals(document.data.orders, ["1a", "1b", "2a", "2b"]);
  assertEquals(problemsIn(document).map(([part, page, status]) => [part, page, status]), [
    ["orders", 3, 504],
  ]);
  await until(() => upstream.active === 0);
});

Deno.test("each page has its own timeout, its own retries, and its own place in the cache", async () => {
  let failures = 0;
  await using upstream = startUpstream((request) => {
    const page = numberOf(request);
    if (page === 2 && failures++ === 0) return new Response("", { status: 503 });
    const next = page < 3 ? `?page=${page + 1}` : null;
    const maxAge = page === 2 ? 0 : 100;
    return Response.json({ items: [page], next }, {
      headers: { "cache-control": `max-age=${maxAge}` },
    });
  });
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url, cache: {}, retry: { backoff: "1ms" } } },
    routes: {
      "GET /": {
        gather: {
          orders: { from: "up", path: "/orders", pages: { next: "/next", items: "/items" } },
        },
      },
    },
  });
  for (const hits of [4, 5, 6]) {
    assertEquals((await readEnvelope(await ask(gateway.url))).data.orders, [1, 2, 3]);
    assertEquals(upstream.requests.length, hits);
  }
});

Deno.test("a paged part is as fresh as its least fresh page, and has the tags of all", async () => {
  const control = ["max-age=900, public", "max-age=70", "max-age=500, public"];
  await using upstream = startUpstream((request) => {
    const page = numberOf(request);
    const next = page < 3 ? `?page=${page + 1}` : null;
    return Response.json({ items: [page], next }, {
      headers: {
        "cache-control": control[page - 1] ?? "",
        "cache-tag": `t${page}`,
        vary: page === 2 ? "accept-language" : "accept",
      },
    });
  });
  await using gateway = pagesOf(upstream.url, { route: { cache: {} } });
  const { headers, body } = await ask(gateway.url);
  await body?.cancel();
  assertMatch(headers.get("cache-control") ?? "", /^max-age=(?:6\d|70)$/);
  assertEquals(headers.get("cache-tag"), "t1, t2, t3");
  assert(headers.get("vary")?.includes("accept-language"));
  control[2] = "no-store";
  const other = await ask(`${gateway.url}/?other`);
  await other.body?.cancel();
  assertEquals(other.headers.get("cache-control"), "no-store");
});

Deno.test("a function is walked too, by the paths that it names", async () => {
  await using gateway = startGateway({
    upstreams: {
      rows: {
        source: ({ path }) =>
          Promise.resolve(json({ path, items: [path], next: path === "/a" ? "/b?c" : null })),
      },
    },
    routes: {
      "GET /": {
        gather: { rows: { from: "rows", path: "/a", pages: { next: "/next", items: "/items" } } },
      },
    },
  });
  assertEquals((await readEnvelope(await ask(gateway.url))).data.rows, ["/a", "/b?c"]);
});

Deno.test("in a race a walk is one outcome: a page that fails fails it", async () => {
  await using upstream = startUpstream((request) =>
    request.url.includes("slow")
      ? Response.json({ items: ["other"] })
      : bookOf(9, { 3: failed })(request)
  );
  const pages: PagesConfig = { next: "/next", items: "/items" };
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /first": {
        first: {
          a: { from: "up", path: "/orders", pages },
          b: { from: "up", path: "/slow", pages },
        },
      },
      "GET /one": { quorum: 1, gather: { a: { from: "up", path: "/orders", pages } } },
    },
  });
  const data: unknown = (await readEnvelope(await ask(`${gateway.url}/first`))).data;
  assertEquals(data, ["other"]);
  const response = await ask(`${gateway.url}/one`);
  const { problems } = await readProblem(response, { status: 502, kind: "upstream-error" });
  assertEquals(problems?.map(({ part, page }) => [part, page]), [["a", 3]]);
});

async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + 5_000;
  while (!isSo()) {
    if (performance.now() > end) throw new Error("it never came to that");
    await new Promise((resolve) => setTimeout(resolve));
  }
}
