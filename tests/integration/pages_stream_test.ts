import { assert, assertEquals } from "@std/assert";
import type { PagesConfig } from "../../lib/config/pages.ts";
import type { GatherRoute } from "../../lib/config/route.ts";
import { ask, readProblem } from "../support/responses.ts";
import { startGatedUpstream } from "../support/gated_upstream.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { startUpstream } from "../support/upstream.ts";

const NDJSON = { accept: "application/x-ndjson" };
const PAGES: PagesConfig = { next: "/next", items: "/items" };
const ORDERS = { from: "up", path: "/orders", pages: PAGES, optional: true } as const;

/** Pages of one item up to `count`; `/fail` and the page `bad` fail, all else returns its path. */
const bookOf = (count: number, bad?: number) => ({ url }: Request) => {
  const { pathname, searchParams } = new URL(url);
  const page = Number(searchParams.get("page") ?? 1);
  if (pathname === "/fail" || page === bad) return new Response("", { status: 500 });
  if (pathname !== "/orders") return Response.json(pathname);
  return Response.json({ items: [page], next: page < count ? `?page=${page + 1}` : null });
};

function streamOf(url: string, gather: GatherRoute["gather"], route = {}): TestGateway {
  return startGateway({
    upstreams: { up: { url } },
    routes: { "GET /": { gather, ...route } },
  });
}

async function recordsOf(gateway: TestGateway, headers: HeadersInit = NDJSON) {
  const text = await (await ask(gateway.url, { headers })).text();
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

interface Told {
  readonly part?: string;
  readonly complete?: boolean;
  readonly problem?: { readonly status: number; readonly page?: number };
}

/** A record; what its problem says, in short. */
function summaryOf({ problem, ...record }: Told): unknown {
  return problem ? { ...record, problem: [problem.status, problem.page] } : record;
}

Deno.test("items come as pages come", async () => {
  await using upstream = startGatedUpstream(bookOf(3), ["/orders?page=2", "/orders?page=3"]);
  await using gateway = streamOf(upstream.url, {
    orders: ORDERS,
    other: { from: "up", path: "/x" },
  });
  const response = await ask(gateway.url, { headers: NDJSON });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const records: unknown[] = [];
  const read = async (count: number) => {
    while (records.length < count) {
      const { value = "" } = await reader?.read() ?? {};
      records.push(...value.trim().split("\n").map((line) => JSON.parse(line)));
    }
  };
  await read(2);
  assertEquals(records.toSorted(byText), [
    { part: "orders", data: [1], more: true },
    { part: "other", data: "/x" },
  ]);
  upstream.open("/orders?page=2");
  await read(3);
  assertEquals(records[2], { part: "orders", data: [2], more: true });
  upstream.open("/orders?page=3");
  await read(5);
  assertEquals(records.slice(3), [{ part: "orders", data: [3] }, { complete: true }]);
  await reader?.cancel();
});

Deno.test("the same as events; a list of one page, or of no page, has no more", async () => {
  await using upstream = startUpstream(bookOf(1));
  await using gateway = streamOf(upstream.url, { orders: ORDERS });
  const text = await (await ask(gateway.url, { headers: { accept: "text/event-stream" } })).text();
  assertEquals(
    text,
    'event: part\ndata: {"part":"orders","data":[1]}\n\nevent: done\ndata: {"complete":true}\n\n',
  );
  await using empty = startUpstream(() => Response.json({ items: [] }));
  await using other = streamOf(empty.url, { orders: ORDERS });
  assertEquals(await recordsOf(other), [{ part: "orders", data: [] }, { complete: true }]);
});

Deno.test("a failed page is reported after those before it, without a fallback", async () => {
  await using upstream = startUpstream(bookOf(9, 3));
  const pages = [
    { part: "orders", data: [1], more: true },
    { part: "orders", data: [2], more: true },
    { part: "orders", problem: [502, 3] },
  ];
  for (const otherwise of [undefined, ["stand-in"]]) {
    const orders = { ...ORDERS, ...(otherwise && { otherwise }) };
    await using gateway = streamOf(upstream.url, { orders });
    assertEquals((await recordsOf(gateway)).map(summaryOf), [...pages, { complete: false }]);
    const strict = await recordsOf(gateway, { ...NDJSON, prefer: "handling=strict" });
    assertEquals(strict.map(summaryOf), [...pages, { complete: false, problem: [502, 3] }]);
  }
  await using required = streamOf(upstream.url, { orders: { ...ORDERS, optional: false } });
  assertEquals((await recordsOf(required)).map(summaryOf), [
    ...pages,
    { complete: false, problem: [502, 3] },
  ]);
});

Deno.test("a first page that fails is a part that fails", async () => {
  await using upstream = startUpstream(bookOf(9, 1));
  await using gateway = streamOf(upstream.url, { orders: { ...ORDERS, otherwise: [0] } });
  assertEquals((await recordsOf(gateway)).map(summaryOf), [
    { part: "orders", data: [0], problem: [502, undefined] },
    { complete: false },
  ]);
  await using required = streamOf(upstream.url, { orders: { ...ORDERS, optional: false } });
  const response = await ask(required.url, { headers: NDJSON });
  await readProblem(response, { status: 502, kind: "upstream-error" });
});

Deno.test("a part that needs a list gets all of it; a mapped list is one record at its end", async () => {
  await using upstream = startUpstream(bookOf(3));
  await using gateway = streamOf(upstream.url, {
    orders: { ...ORDERS, optional: false },
    items: { from: "up", path: "/items/{item}", each: "{orders}" },
    sum: {
      ...ORDERS,
      map: (data: unknown) => Array.isArray(data) ? data.reduce((sum, page) => sum + page) : 0,
    },
  });
  const records = await recordsOf(gateway);
  const of = (name: string) => records.filter(({ part }) => part === name);
  assertEquals(of("items"), [{ part: "items", data: ["/items/1", "/items/2", "/items/3"] }]);
  assertEquals(of("sum"), [{ part: "sum", data: 6 }]);
  assertEquals(of("orders").flatMap(({ data }) => data), [1, 2, 3]);
  assertEquals(records.length, 6);
});

Deno.test("a race does not stream pages", async () => {
  await using upstream = startUpstream(bookOf(3));
  const orders = { from: "up", path: "/orders", pages: PAGES } as const;
  await using gateway = streamOf(upstream.url, { orders }, { quorum: 1 });
  assertEquals(await recordsOf(gateway), [{ part: "orders", data: [1, 2, 3] }, { complete: true }]);
});

Deno.test("a required part that fails before any page came fails the whole", async () => {
  await using upstream = startGatedUpstream(bookOf(9), ["/orders"]);
  await using gateway = streamOf(upstream.url, {
    orders: ORDERS,
    gone: { from: "up", path: "/fail" },
  });
  const response = await ask(gateway.url, { headers: NDJSON });
  await readProblem(response, { status: 502, kind: "upstream-error" });
  assertEquals(upstream.paths.filter((path) => path.startsWith("/orders?")), []);
});

Deno.test("at the deadline the pages so far have been streamed", async () => {
  await using upstream = startGatedUpstream(bookOf(9), ["/orders?page=3"]);
  await using gateway = streamOf(upstream.url, { orders: ORDERS }, { deadline: "150ms" });
  assertEquals((await recordsOf(gateway)).map(summaryOf).slice(1), [
    { part: "orders", data: [2], more: true },
    { part: "orders", problem: [504, 3] },
    { complete: false },
  ]);
});

Deno.test("a client that leaves ends the walk at once, while another part hangs too", async () => {
  await using upstream = startGatedUpstream(bookOf(9), ["/orders?page=3", "/x"]);
  await using gateway = streamOf(upstream.url, { orders: ORDERS, x: { from: "up", path: "/x" } });
  const client = new AbortController();
  const response = await ask(gateway.url, { headers: NDJSON, signal: client.signal });
  await upstream.reached("/orders?page=3");
  client.abort();
  await until(() => upstream.active === 0 && gateway.log.length === 1);
  assertEquals(upstream.paths.filter((path) => path.startsWith("/orders")).length, 3);
  await response.body?.cancel().catch(() => {});
  assertEquals(gateway.errors, []);
});

Deno.test("for a client that does not read, the walk waits", async () => {
  const filler = "x".repeat(1024 * 1024);
  await using upstream = startUpstream(({ url }) => {
    const page = Number(new URL(url).searchParams.get("page") ?? 1);
    return Response.json({ items: [filler], next: `?page=${page + 1}` });
  });
  const pages = { ...PAGES, max: 500, whenMore: "stop" } as const;
  await using gateway = streamOf(upstream.url, { orders: { ...ORDERS, pages } });
  const connection = await Deno.connect({ port: gateway.port, hostname: "127.0.0.1" });
  try {
    const request = "GET / HTTP/1.1\r\nHost: x\r\nAccept: application/x-ndjson\r\n\r\n";
    await connection.write(new TextEncoder().encode(request));
    await upstream.asked(2);
    let before = 0;
    while (before < upstream.requests.length) {
      before = upstream.requests.length;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    assert(before < 50, `${before} pages were read`);
    assertEquals(upstream.active, 0);
  } finally {
    connection.close();
  }
  await until(() => gateway.log.length === 1);
});

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + 5_000;
  while (!isSo()) {
    if (performance.now() > end) throw new Error("it never came to that");
    await new Promise((resolve) => setTimeout(resolve));
  }
}

Deno.test("pages that are written over several lines are a record on one, number by number", async () => {
  const page = '{\n  "items": [\r\n    {"price": 10.10},\n    9007199254740993\n  ]\n}';
  await using upstream = startUpstream(() => new Response(page));
  await using gateway = streamOf(upstream.url, { orders: ORDERS });
  const text = await (await ask(gateway.url, { headers: NDJSON })).text();
  const [record, end] = text.trim().split("\n");
  assertEquals(
    record?.replaceAll(" ", ""),
    '{"part":"orders","data":[{"price":10.10},9007199254740993]}',
  );
  assertEquals(end, '{"complete":true}');
});
