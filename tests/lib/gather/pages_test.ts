import { assert, assertEquals, assertRejects } from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { pages, type PagesOptions } from "../../../lib/gather/pages.ts";
import { json } from "../../../lib/json/json_reply.ts";
import type { Reply, Source } from "../../../lib/core/source.ts";
import { testCall, testContext } from "../../support/context.ts";
import { settled } from "../../support/manual_clock.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";

/** A source with `count` pages of two items, which records its calls. */
function book(count: number) {
  const paths: string[] = [];
  const source: Source = ({ path }) => {
    paths.push(path);
    const page = Number(/\d+$/.exec(path)?.[0] ?? 1);
    const next = page < count ? `/?page=${page + 1}` : null;
    return Promise.resolve(json({ items: [`${page}a`, `${page}b`], next }));
  };
  return { source, paths };
}

const POINTERS: PagesOptions = { next: "/next", items: "/items" };

/** What a walk yields, and what it fails with. */
async function walk(source: Source, options: Partial<PagesOptions> = {}) {
  const items: unknown[] = [];
  const last: boolean[] = [];
  try {
    for await (
      const page of pages(source, testCall(), testContext(), { ...POINTERS, ...options })
    ) {
      assertEquals(page.number, last.push(page.isLast));
      items.push(...page.items);
    }
    return { items, last };
  } catch (error) {
    assert(error instanceof GatewayError, String(error));
    return { items, last, error: `${error.kind}: ${error.message}` };
  }
}

Deno.test("all pages are requested, one after the other, and the last is marked", async () => {
  const { source, paths } = book(3);
  assertEquals(await walk(source), {
    items: ["1a", "1b", "2a", "2b", "3a", "3b"],
    last: [false, false, true],
  });
  assertEquals(paths, ["/", "/?page=2", "/?page=3"]);
});

Deno.test("a walk goes only as far as its consumer", async () => {
  const { source, paths } = book(9);
  for await (const { number } of pages(source, testCall(), testContext(), POINTERS)) {
    if (number === 2) break;
  }
  assertEquals(paths.length, 2);
});

Deno.test("each page is requested with the same method, headers and body", async () => {
  const call = testCall({
    method: "POST",
    headers: new Headers({ authorization: "secret" }),
    body: Body.of(new TextEncoder().encode("{}")),
  });
  const called: unknown[] = [];
  const source: Source = ({ path, ...rest }) => {
    called.push(rest);
    return Promise.resolve(json({ items: [], next: path === "/" ? "?x" : "" }));
  };
  for await (const _ of pages(source, call, testContext(), POINTERS));
  const { path: _, ...rest } = call;
  assertEquals(called, [rest, rest]);
});

const two = ["1a", "1b"];
const four = [...two, "2a", "2b"];
const BOUNDS: readonly (readonly [string, Partial<PagesOptions>, unknown])[] = [
  ["as many pages as may be", { max: 3 }, {
    items: [...four, "3a", "3b"],
    last: [false, false, true],
  }],
  ["more pages", { max: 2 }, {
    items: four,
    last: [false, false],
    error: "too-many-items: more than 2 pages; read: 4 items on 2 pages",
  }],
  ["more pages, cut", { max: 2, whenMore: "stop" }, { items: four, last: [false, true] }],
  ["as many items as may be", { maxItems: 6 }, {
    items: [...four, "3a", "3b"],
    last: [false, false, true],
  }],
  ["more items", { maxItems: 5 }, {
    items: four,
    last: [false, false],
    error: "too-many-items: more than 5 items; read: 4 items on 2 pages",
  }],
  ["more items, cut", { maxItems: 3, whenMore: "stop" }, {
    items: four.slice(0, 3),
    last: [false, true],
  }],
  ["more items on the first page", { maxItems: 1 }, {
    items: [],
    last: [],
    error: "too-many-items: more than 1 items; read: 0 items on 0 pages",
  }],
  ["enough on the first page", { maxItems: 2, whenMore: "stop" }, { items: two, last: [true] }],
];
for (const [name, options, expected] of BOUNDS) {
  Deno.test(`of three pages: ${name}`, async () => {
    assertEquals(await walk(book(3).source, options), expected);
  });
}

Deno.test("a walk without limits has the default limits", async () => {
  const { error } = await walk(book(11).source);
  assertEquals(error, "too-many-items: more than 10 pages; read: 20 items on 10 pages");
  const long: Source = () => Promise.resolve(json(Array(1001).fill(0)));
  assertEquals(
    (await walk(long, { items: "" })).error,
    "too-many-items: more than 1000 items; read: 0 items on 0 pages",
  );
});

const LOOPS: readonly (readonly [string, readonly string[], string])[] = [
  ["itself", ["/"], "page 1 leads back to page 1"],
  ["the first", ["/b", "/"], "page 2 leads back to page 1"],
  ["one between, written otherwise", ["/b", "/c", "/b?#x"], "page 3 leads back to page 2"],
];
for (const [name, nexts, detail] of LOOPS) {
  Deno.test(`a page that leads back to ${name} ends the walk`, async () => {
    let page = 0;
    const source: Source = () => Promise.resolve(json({ items: [page], next: nexts[page++] }));
    const { items, error } = await walk(source);
    assertEquals(error, `upstream-invalid: ${detail}`);
    assertEquals(items, nexts.map((_, index) => index));
  });
}

const bytes = (text: string, status = 200): Reply => ({
  status,
  headers: new Headers(),
  body: Body.of(new TextEncoder().encode(text)),
});
const SINGLE: readonly (readonly [Reply, readonly unknown[], string | undefined])[] = [
  [bytes('{"items":[]}'), [], undefined],
  [bytes('{"items":null}'), [], undefined],
  [bytes("", 204), [], undefined],
  [bytes("{}"), [], "upstream-invalid: the upstream's response has no list at /items"],
  [bytes("null"), [], "upstream-invalid: the upstream's response has no list at /items"],
  [
    bytes('{"items":{"0":1}}'),
    [],
    "upstream-invalid: the upstream's response has no list at /items",
  ],
  [bytes("[1"), [], "upstream-invalid: the upstream's response is not JSON"],
  [bytes('{"items":[1]}', 404), [], "upstream-error: the upstream returned 404"],
  [
    bytes('{"items":[1],"next":[]}'),
    [1],
    "upstream-invalid: page 1 names the next one with neither a URL nor a cursor",
  ],
];
for (const [reply, items, error] of SINGLE) {
  Deno.test(`a single page: ${items.length} items, ${error} (${reply.status})`, async () => {
    const told = await walk(() => Promise.resolve(reply));
    assertEquals([told.items, told.error], [items, error]);
  });
}

Deno.test("when the client has left no page is requested, even if the source ignores the signal", async () => {
  const request = new AbortController();
  const { source, paths } = book(9);
  const ctx = testContext({ signal: request.signal });
  const reason = new GatewayError("cancelled", "the client went away");
  await assertRejects(
    async () => {
      for await (const _ of pages(source, testCall(), ctx, POINTERS)) request.abort(reason);
    },
    GatewayError,
    "the client went away",
  );
  assertEquals(paths.length, 1);
});

Deno.test("what the source fails with is what the walk fails with", async () => {
  const script = new ScriptedSource();
  const walked = walk(script.source);
  await settled();
  script.at(0).answerJson({ items: [1], next: "/2" });
  await settled();
  script.at(1).fail(new GatewayError("upstream-timeout", "no response within 5 ms"));
  assertEquals(await walked, {
    items: [1],
    last: [false],
    error: "upstream-timeout: no response within 5 ms",
  });
});

Deno.test("what is no JSON Pointer is the caller's mistake", async () => {
  const { source, paths } = book(1);
  const walk = pages(source, testCall(), testContext(), { next: "link", items: "items" });
  await assertRejects(() => walk.next(), TypeError, "items is not a JSON Pointer");
  assertEquals(paths, []);
});
