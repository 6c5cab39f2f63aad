import { assert, assertEquals, assertMatch } from "@std/assert";
import { ask } from "../support/responses.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { until } from "../support/program.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

const WHOLE = "0123456789";
const NOW = new Date(Date.UTC(2026, 0, 1)).toUTCString();
const BEFORE = new Date(Date.UTC(2025, 0, 1)).toUTCString();

function forwarding({ url }: TestUpstream, clock = new ManualClock()): TestGateway {
  return startGateway({
    upstreams: { it: { url, cache: {} } },
    routes: {
      "ANY /*": { forward: "it" },
      "GET /whole": { gather: { a: { from: "it", path: "/json" } }, cache: { ttl: "1m" } },
    },
  }, { clock });
}

interface Said {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

async function get(gateway: TestGateway, headers: HeadersInit, path = "/it"): Promise<Said> {
  const response = await ask(gateway.url + path, { headers });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

/** An origin that knows no ranges. */
function whole(headers: HeadersInit = {}, body: BodyInit = WHOLE): TestUpstream {
  return startUpstream(() =>
    new Response(body, {
      headers: {
        "cache-control": "max-age=60",
        date: NOW,
        "content-type": "text/plain",
        ...headers,
      },
    })
  );
}

for (
  const [range, status, text, contentRange] of [
    ["bytes=0-1", 206, "01", "bytes 0-1/10"],
    ["bytes=1-", 206, "123456789", "bytes 1-9/10"],
    ["bytes=-1", 206, "9", "bytes 9-9/10"],
    ["bytes=-99", 206, WHOLE, "bytes 0-9/10"],
    ["BYTES = 8-99", 206, "89", "bytes 8-9/10"],
    ["bytes=10-", 416, "", "bytes */10"],
    ["bytes=-0", 416, "", "bytes */10"],
    ["bytes=3-1", 200, WHOLE, null],
    ["bytes=", 200, WHOLE, null],
    ["bytes=a-b", 200, WHOLE, null],
    ["lines=0-1", 200, WHOLE, null],
    ["bytes=0-5,3-8", 200, WHOLE, null],
    [`bytes=${Array.from({ length: 17 }, (_, i) => `${i}-${i}`).join()}`, 200, WHOLE, null],
  ] as const
) {
  Deno.test(`Range ${range.slice(0, 30)} of a stored response is ${status}`, async () => {
    await using upstream = whole({ etag: '"a"' });
    await using gateway = forwarding(upstream);
    await get(gateway, {});
    const said = await get(gateway, { range });
    assertEquals([said.status, said.text], [status, text]);
    assertEquals(said.headers.get("content-range"), contentRange);
    assertEquals(said.headers.get("content-length"), String(text.length));
    assertMatch(said.headers.get("cache-status") ?? "", /hit/);
    assertEquals(upstream.requests.length, 1);
  });
}

Deno.test("several ranges of a stored response are multipart/byteranges", async () => {
  await using upstream = whole();
  await using gateway = forwarding(upstream);
  await get(gateway, {});
  const { status, text, headers } = await get(gateway, { range: "bytes=0-0, 5-6,-1" });
  assertEquals([status, headers.get("content-range")], [206, null]);
  const [, boundary] = /^multipart\/byteranges; boundary=(\S+)$/
    .exec(headers.get("content-type") ?? "") ?? [];
  assert(boundary);
  const part = (range: string, bytes: string) =>
    `\r\n--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes ${range}/10\r\n\r\n${bytes}`;
  const expected = part("0-0", "0") + part("5-6", "56") + part("9-9", "9");
  assertEquals(text, `${expected}\r\n--${boundary}--\r\n`);
});

for (
  const [headers, ifRange, isRanged] of [
    [{ etag: '"a"' }, '"a"', true],
    [{ etag: '"a"' }, '"b"', false],
    [{ etag: 'W/"a"' }, 'W/"a"', false],
    [{ "last-modified": BEFORE }, BEFORE, true],
    [{ "last-modified": BEFORE }, NOW, false],
    [{ "last-modified": NOW }, NOW, false],
    [{}, '"a"', false],
  ] as const
) {
  Deno.test(`If-Range ${ifRange} with ${JSON.stringify(headers)}: ${isRanged ? "the range" : "the whole"}`, async () => {
    await using upstream = whole({ ...headers });
    await using gateway = forwarding(upstream);
    await get(gateway, {});
    const said = await get(gateway, { range: "bytes=0-1", "if-range": ifRange });
    assertEquals([said.status, said.text], isRanged ? [206, "01"] : [200, WHOLE]);
    assertEquals(upstream.requests.length, 1);
  });
}

Deno.test("If-None-Match precedes Range, and HEAD ignores ranges", async () => {
  await using upstream = whole({ etag: '"a"' });
  await using gateway = forwarding(upstream);
  await get(gateway, {});
  const same = await get(gateway, { range: "bytes=0-1", "if-none-match": '"a"' });
  assertEquals(same.status, 304);
  const head = await ask(`${gateway.url}/it`, { method: "HEAD", headers: { range: "bytes=0-1" } });
  assertEquals([head.status, head.headers.get("content-range")], [200, null]);
});

Deno.test("an aggregate that is stored serves ranges too", async () => {
  await using upstream = startUpstream(() => Response.json(1));
  await using gateway = forwarding(upstream);
  const { text } = await get(gateway, {}, "/whole");
  const said = await get(gateway, { range: "bytes=2-5" }, "/whole");
  assertEquals([said.status, said.text], [206, text.slice(2, 6)]);
});

/** An origin that knows ranges, of one response at a time. */
function ranged(
  origin: { body: string; etag?: string; modified?: string; said?: HeadersInit },
): TestUpstream {
  return startUpstream(({ headers: asks }) => {
    const { body, etag, modified } = origin;
    const headers = new Headers({ "cache-control": "max-age=60", date: NOW, ...origin.said });
    if (etag) headers.set("etag", etag);
    if (modified) headers.set("last-modified", modified);
    if (etag && asks.get("if-none-match") === etag) {
      return new Response(null, { status: 304, headers });
    }
    const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(asks.get("range") ?? "") ?? [];
    const isSame = !asks.has("if-range") || asks.get("if-range") === (etag ?? modified);
    if (from === undefined || !isSame) return new Response(body, { headers });
    const first = from === "" ? body.length - Number(to) : Number(from);
    const last = from === "" || to === "" ? body.length - 1 : Number(to);
    headers.set("content-range", `bytes ${first}-${last}/${body.length}`);
    return new Response(body.slice(first, last + 1), { status: 206, headers });
  });
}

/** Asks for a range, which is then stored. */
async function storePart(gateway: TestGateway, range: string): Promise<void> {
  assertEquals((await get(gateway, { range })).status, 206);
  // The body is stored in a turn after the client has it.
  for (let turn = 0; turn < 3; turn++) await get(gateway, {}, "/_gateway/health/live");
}

Deno.test("a stored part serves the ranges within it, and no others", async () => {
  await using upstream = ranged({ body: WHOLE, etag: '"a"' });
  await using gateway = forwarding(upstream);
  await storePart(gateway, "bytes=4-");
  for (
    const [range, text] of [["bytes=4-", "456789"], ["bytes=6-8", "678"], ["bytes=-1", "9"], [
      "bytes=-6",
      "456789",
    ]]
  ) {
    const said = await get(gateway, { range: range ?? "" });
    assertEquals([said.status, said.text, upstream.requests.length], [206, text, 1], range);
    assertMatch(said.headers.get("cache-status") ?? "", /hit/);
  }
  assertEquals((await get(gateway, { range: "bytes=3-5" })).text, "345");
  assertEquals(upstream.requests.length, 2);
});

Deno.test("parts of one response are combined, up to the whole", async () => {
  await using upstream = ranged({ body: WHOLE, etag: '"a"' });
  await using gateway = forwarding(upstream);
  await storePart(gateway, "bytes=0-3");
  await storePart(gateway, "bytes=3-6");
  assertEquals((await get(gateway, { range: "bytes=1-5" })).text, "12345");
  assertEquals(upstream.requests.length, 2);
  await storePart(gateway, "bytes=7-");
  const said = await get(gateway, {});
  assertEquals([said.status, said.text, said.headers.get("content-range")], [200, WHOLE, null]);
  assertEquals(upstream.requests.length, 3);
});

Deno.test("parts of different responses are not combined", async () => {
  for (const change of [{ etag: '"b"' }, { etag: 'W/"a"' }, { body: "0123456789a" }]) {
    const origin = { body: WHOLE, etag: '"a"' };
    await using upstream = ranged(origin);
    await using gateway = forwarding(upstream);
    await storePart(gateway, "bytes=0-3");
    Object.assign(origin, change);
    await storePart(gateway, "bytes=4-6");
    await get(gateway, { range: "bytes=1-5" });
    assertEquals(upstream.requests.length, 3, JSON.stringify(change));
  }
});

Deno.test("a request for the whole fetches only what a stored part lacks", async () => {
  const origin = { body: WHOLE, etag: '"a"' };
  await using upstream = ranged(origin);
  await using gateway = forwarding(upstream);
  await storePart(gateway, "bytes=0-4");
  const said = await get(gateway, {});
  assertEquals([said.status, said.text, said.headers.get("content-length")], [200, WHOLE, "10"]);
  assertEquals(upstream.requests[1]?.headers.get("range"), "bytes=5-");
  assertEquals(upstream.requests[1]?.headers.get("if-range"), '"a"');
  assertMatch(said.headers.get("cache-status") ?? "", /fwd=partial; fwd-status=206.*stored/);
  assertMatch((await get(gateway, {})).headers.get("cache-status") ?? "", /hit/);
  assertEquals(upstream.requests.length, 2);
});

Deno.test("a request for the whole gets the new response when it has changed", async () => {
  const origin = { body: WHOLE, etag: '"a"' };
  await using upstream = ranged(origin);
  await using gateway = forwarding(upstream);
  await storePart(gateway, "bytes=0-4");
  Object.assign(origin, { body: "abcdefghij", etag: '"b"' });
  assertEquals((await get(gateway, {})).text, "abcdefghij");
  assertEquals(upstream.requests.length, 2);
});

Deno.test("a part without a validator is never put together with another", async () => {
  const origin = { body: WHOLE };
  await using upstream = ranged(origin);
  await using gateway = forwarding(upstream);
  await storePart(gateway, "bytes=0-4");
  origin.body = "abcdefghij";
  assertEquals((await get(gateway, {})).text, "abcdefghij");
});

for (
  const said of [
    { "cache-control": "private, max-age=60" },
    { "cache-control": "no-store" },
    { "cache-control": "max-age=0" },
    { "set-cookie": "a=b" },
    { vary: "*" },
    { "content-range": "lines 0-1/10" },
  ]
) {
  Deno.test(`a part is not stored with ${JSON.stringify(said)}`, async () => {
    await using upstream = startUpstream(() =>
      new Response("01", {
        status: 206,
        headers: { "cache-control": "max-age=60", "content-range": "bytes 0-1/10", ...said },
      })
    );
    await using gateway = forwarding(upstream);
    await storePart(gateway, "bytes=0-1");
    await get(gateway, { range: "bytes=0-1" });
    assertEquals(upstream.requests.length, 2);
  });
}

Deno.test("a stale whole is validated, and serves the range", async () => {
  const clock = new ManualClock();
  const origin = { body: WHOLE, etag: '"a"' };
  await using upstream = ranged(origin);
  await using gateway = forwarding(upstream, clock);
  await get(gateway, {});
  await clock.advance(61_000);
  const said = await get(gateway, { range: "bytes=2-3" });
  assertEquals([said.status, said.text], [206, "23"]);
  assertEquals(upstream.requests[1]?.headers.get("if-none-match"), '"a"');
  await clock.advance(61_000);
  Object.assign(origin, { body: "abcdefghij", etag: '"b"' });
  assertEquals((await get(gateway, { range: "bytes=2-3" })).text, "cd");
  assertEquals((await get(gateway, {})).text, "abcdefghij");
});

Deno.test("a change, or its own age, ends a stored part", async () => {
  const clock = new ManualClock();
  await using upstream = ranged({ body: WHOLE, etag: '"a"' });
  await using gateway = forwarding(upstream, clock);
  await storePart(gateway, "bytes=0-1");
  await (await ask(`${gateway.url}/it`, { method: "PUT" })).text();
  await clock.advance(1);
  await storePart(gateway, "bytes=0-1");
  assertEquals(upstream.requests.length, 3);
  await clock.advance(61_000);
  await storePart(gateway, "bytes=0-1");
  assertEquals(upstream.requests.length, 4);
});

Deno.test("only-if-cached serves a stored range, and fetches no other", async () => {
  await using upstream = ranged({ body: WHOLE, etag: '"a"' });
  await using gateway = forwarding(upstream);
  await storePart(gateway, "bytes=0-4");
  const stored = { "cache-control": "only-if-cached" };
  assertEquals((await get(gateway, { ...stored, range: "bytes=1-2" })).text, "12");
  assertEquals((await get(gateway, { ...stored, range: "bytes=4-5" })).status, 504);
  await until(() => upstream.requests.length === 1, "nobody was asked");
});

Deno.test("a part shorter than its Content-Range counts by its bytes, and is not completed", async () => {
  await using upstream = startUpstream(({ headers }) =>
    headers.get("range") === "bytes=-5"
      ? new Response("01234", {
        status: 206,
        headers: { "cache-control": "max-age=60", "content-range": "bytes 4-9/10", date: NOW },
      })
      : new Response(WHOLE)
  );
  await using gateway = forwarding(upstream);
  await storePart(gateway, "bytes=-5");
  for (
    const [range, text] of [["bytes=-5", "01234"], ["bytes=6-8", "234"], ["bytes=6-", "234"], [
      "bytes=-1",
      "4",
    ]]
  ) {
    const said = await get(gateway, { range: range ?? "" });
    assertEquals([said.status, said.text, upstream.requests.length], [206, text, 1], range);
  }
  assertEquals((await get(gateway, {})).text, WHOLE);
  assertEquals(upstream.requests[1]?.headers.has("range"), false);
});
