import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { until } from "../support/program.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

/** An upstream whose answers at each path the test may change, and which counts questions. */
class Answers implements AsyncDisposable {
  readonly upstream: TestUpstream;
  readonly #says = new Map<string, HeadersInit | number>();
  readonly #counts = new Map<string, number>();

  constructor() {
    this.upstream = startUpstream((request) => {
      const { pathname } = new URL(request.url);
      const count = this.count(pathname) + 1;
      this.#counts.set(pathname, count);
      const says = this.#says.get(pathname) ?? {};
      return typeof says === "number"
        ? Response.json(null, { status: says })
        : Response.json(count, { headers: says });
    });
  }

  /** From now on that path answers with these headers, or with that status. */
  at(path: string, says: HeadersInit | number): this {
    this.#says.set(path, says);
    return this;
  }

  /** How often a path was asked for. */
  count(path: string): number {
    return this.#counts.get(path) ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.upstream[Symbol.asyncDispose]();
  }
}

type CacheConfig = Exclude<NonNullable<GatewayConfig["upstreams"][string]["cache"]>, false>;
type Routes = GatewayConfig["routes"];

const PARTS = { a: { from: "it", path: "/a" }, b: { from: "it", path: "/b" } } as const;

interface Setup {
  readonly cache?: CacheConfig;
  readonly routes?: Routes;
  readonly limits?: NonNullable<GatewayConfig["limits"]>;
}

function configOf({ upstream: { url } }: Answers, { cache, routes, limits }: Setup = {}) {
  return {
    upstreams: { it: { url, retry: { attempts: 1 }, ...(cache && { cache }) } },
    ...(limits && { limits }),
    routes: routes ?? { "GET /whole": { cache: {}, gather: PARTS } },
  } satisfies GatewayConfig;
}

async function dataOf(gateway: TestGateway, init?: RequestInit): Promise<unknown> {
  return Object(await (await ask(`${gateway.url}/whole`, init)).json()).data;
}

async function headersOf(gateway: TestGateway, init?: RequestInit): Promise<Headers> {
  const response = await ask(`${gateway.url}/whole`, init);
  await response.text();
  return response.headers;
}

function statusOf(headers: Headers): string[] {
  return headers.get("cache-status")?.replaceAll(/sluice-\w+/g, "sluice").split(", ") ?? [];
}

Deno.test("parts are stored separately: only the stale one is fetched again", async () => {
  await using answers = new Answers()
    .at("/a", { "cache-control": "max-age=10" })
    .at("/b", { "cache-control": "max-age=60" });
  const clock = new ManualClock();
  const routes: Routes = { "GET /whole": { gather: PARTS } };
  await using gateway = startGateway(configOf(answers, { cache: {}, routes }), { clock });
  assertEquals(await dataOf(gateway), { a: 1, b: 1 });
  await clock.advance(20_000);
  assertEquals(await dataOf(gateway), { a: 2, b: 1 });
  assertEquals([answers.count("/a"), answers.count("/b")], [2, 1]);
  await clock.advance(1_000);
  assertEquals(
    statusOf(await headersOf(gateway)).toSorted(),
    ['sluice; hit; ttl=39; detail="b"', 'sluice; hit; ttl=9; detail="a"'],
  );
});

Deno.test("an aggregate is as fresh as its least fresh part", async () => {
  await using answers = new Answers()
    .at("/a", { "cache-control": "max-age=10, public", "cache-tag": "x, y" })
    .at("/b", { "cache-control": "max-age=60, public", "cache-tag": "y, z" });
  const clock = new ManualClock();
  await using gateway = startGateway(configOf(answers), { clock });
  const response = await ask(`${gateway.url}/whole`);
  const { headers } = response;
  assertEquals((await readEnvelope(response)).data, { a: 1, b: 1 });
  assertEquals(headers.get("cache-control"), "public, max-age=10");
  assertEquals(headers.get("cache-tag"), "x, y, z");
  assertEquals(statusOf(headers), ["sluice; fwd=uri-miss; fwd-status=200; ttl=10; stored"]);
  await clock.advance(4_000);
  const hit = await ask(`${gateway.url}/whole`);
  assertEquals((await readEnvelope(hit)).data, { a: 1, b: 1 });
  assertEquals(statusOf(hit.headers), ["sluice; hit; ttl=6"]);
  assertEquals(hit.headers.get("age"), "4");
  await clock.advance(6_000);
  assertEquals(await dataOf(gateway), { a: 2, b: 2 });
});

Deno.test("an aggregate gets no more freshness than its parts have left", async () => {
  await using answers = new Answers()
    .at("/a", { "cache-control": "max-age=60" })
    .at("/b", { "cache-control": "max-age=100" });
  const clock = new ManualClock();
  const whole = { cache: {}, gather: PARTS };
  const routes: Routes = { "GET /a": { gather: { a: PARTS.a } }, "GET /whole": whole };
  await using gateway = startGateway(configOf(answers, { cache: {}, routes }), { clock });
  await (await ask(`${gateway.url}/a`)).text();
  await clock.advance(45_000);
  const headers = await headersOf(gateway);
  assertEquals(headers.get("cache-control"), "max-age=15");
  const [a, own] = [statusOf(headers).find((one) => one.includes('"a"')), statusOf(headers).at(-1)];
  assertEquals(a, 'sluice; hit; ttl=15; detail="a"');
  assertEquals(own, "sluice; fwd=uri-miss; fwd-status=200; ttl=15; stored");
});

Deno.test("the route's ttl caps the aggregate, and applies to parts that state no freshness", async () => {
  await using answers = new Answers().at("/a", { "cache-control": "max-age=60" });
  const gather = PARTS;
  const routes: Routes = {
    "GET /ttl": { cache: { ttl: "30s" }, gather },
    "GET /none": { cache: {}, gather },
  };
  await using gateway = startGateway(configOf(answers, { routes }), { clock: new ManualClock() });
  for (const [path, expected] of [["/ttl", "max-age=30"], ["/none", "max-age=0"]] as const) {
    const response = await ask(gateway.url + path);
    await response.text();
    assertEquals(response.headers.get("cache-control"), expected, path);
  }
});

Deno.test("an aggregate varies by the client headers that its parts use", async () => {
  await using answers = new Answers()
    .at("/a", { "cache-control": "max-age=60", vary: "Accept-Language" })
    .at("/b", { "cache-control": "max-age=60" });
  const b = { from: "it", path: "/b{?header.x-user}" } as const;
  const routes: Routes = { "GET /whole": { cache: {}, gather: { ...PARTS, b } } };
  await using gateway = startGateway(configOf(answers, { routes }), { clock: new ManualClock() });
  const own = { "accept-language": "de", "x-user": "ann" };
  const headers = await headersOf(gateway, { headers: own });
  assertEquals(headers.get("vary"), "accept-language, x-user, Accept, Prefer");
  assertEquals(await dataOf(gateway, { headers: own }), { a: 1, b: 1 });
  assertEquals(await dataOf(gateway, { headers: { ...own, "x-user": "bob" } }), { a: 2, b: 2 });
  assertEquals(await dataOf(gateway, { headers: { ...own, "accept-language": "en" } }), {
    a: 3,
    b: 3,
  });
  assertEquals(await dataOf(gateway, { headers: { ...own, cookie: "c=1" } }), { a: 1, b: 1 });
});

Deno.test("an aggregate has an ETag, and a client that has it gets 304", async () => {
  const fresh = { "cache-control": "max-age=60" };
  await using answers = new Answers().at("/a", fresh).at("/b", fresh);
  const clock = new ManualClock();
  await using gateway = startGateway(configOf(answers), { clock });
  const etag = (await headersOf(gateway)).get("etag") ?? "";
  assert(/^"[^"]+"$/.test(etag), etag);
  const response = await ask(`${gateway.url}/whole`, { headers: { "if-none-match": etag } });
  assertEquals([response.status, await response.text()], [304, ""]);
  assertEquals(response.headers.get("etag"), etag);
  assertEquals(response.headers.get("cache-control"), "max-age=60");
  await clock.advance(60_000);
  const changed = await ask(`${gateway.url}/whole`, { headers: { "if-none-match": etag } });
  assertEquals(changed.status, 200);
  assertNotEquals(changed.headers.get("etag"), etag);
  await changed.text();
});

const UNKEPT: Readonly<Record<string, HeadersInit>> = {
  "is private": { "cache-control": "private, max-age=60" },
  "is no-store": { "cache-control": "no-store" },
  "sets a cookie": { "cache-control": "max-age=60", "set-cookie": "a=b" },
  "is no-cache": { "cache-control": "no-cache, max-age=60" },
};
for (const [what, says] of Object.entries(UNKEPT)) {
  Deno.test(`a whole with a part that ${what} is asked for each time`, async () => {
    await using answers = new Answers().at("/a", { "cache-control": "public, max-age=60" })
      .at("/b", says);
    await using gateway = startGateway(configOf(answers), { clock: new ManualClock() });
    const headers = await headersOf(gateway);
    assert(!headers.has("set-cookie"));
    assert(!headers.get("cache-control")?.includes("public"), headers.get("cache-control") ?? "");
    assertEquals(await dataOf(gateway), { a: 2, b: 2 });
  });
}

Deno.test("an aggregate with a part that was called with Authorization is not shared", async () => {
  await using answers = new Answers().at("/a", { "cache-control": "max-age=60" })
    .at("/b", { "cache-control": "max-age=60" });
  const b = { ...PARTS.b, headers: { authorization: "{header.authorization}" } };
  const routes: Routes = { "GET /whole": { cache: {}, gather: { ...PARTS, b } } };
  await using gateway = startGateway(configOf(answers, { routes }), { clock: new ManualClock() });
  const headers = { authorization: "Bearer ann" };
  assertEquals((await headersOf(gateway, { headers })).get("cache-control"), "private, max-age=60");
  assertEquals(await dataOf(gateway, { headers }), { a: 2, b: 2 });
  assertEquals(await dataOf(gateway, { headers: { authorization: "Bearer bob" } }), { a: 3, b: 3 });
});

Deno.test("an incomplete aggregate is no-store, and not stored", async () => {
  await using answers = new Answers().at("/a", { "cache-control": "max-age=60" }).at("/b", 500);
  const b = { ...PARTS.b, optional: true };
  const routes: Routes = { "GET /whole": { cache: { ttl: "1m" }, gather: { ...PARTS, b } } };
  await using gateway = startGateway(configOf(answers, { routes }), { clock: new ManualClock() });
  for (let turn = 1; turn <= 2; turn++) {
    const { data, complete } = await readEnvelope(await ask(`${gateway.url}/whole`));
    assertEquals([data, complete], [{ a: turn, b: null }, false]);
  }
  answers.at("/b", { "cache-control": "max-age=60" });
  assertEquals(await dataOf(gateway), { a: 3, b: 3 });
  assertEquals(await dataOf(gateway), { a: 3, b: 3 });
});

Deno.test("a stale copy replaces a part that failed: the aggregate is complete, flagged and not stored", async () => {
  const fresh = { "cache-control": "max-age=10" };
  await using answers = new Answers().at("/a", fresh).at("/b", fresh);
  const clock = new ManualClock();
  await using gateway = startGateway(configOf(answers, { cache: { staleIfError: "1h" } }), {
    clock,
  });
  assertEquals(await dataOf(gateway), { a: 1, b: 1 });
  await clock.advance(11_000);
  answers.at("/b", 503);
  for (let turn = 2; turn <= 3; turn++) {
    const prefer = { headers: { prefer: "handling=strict" } };
    const response = await ask(`${gateway.url}/whole`, turn === 2 ? {} : prefer);
    const document = await readEnvelope(response);
    assertEquals(document, { data: { a: 2, b: 1 }, complete: true, stale: ["b"] } as unknown);
    assertEquals(response.headers.get("cache-control"), "no-store");
    assert(
      statusOf(response.headers).some((one) => one.startsWith("sluice; fwd=stale; fwd-status=503")),
    );
  }
  assertEquals(answers.count("/b"), 3);
});

Deno.test("with handling=strict a part that failed fails the aggregate, unless it is a cache hit", async () => {
  const fresh = { "cache-control": "max-age=10" };
  await using answers = new Answers().at("/a", fresh).at("/b", fresh);
  const clock = new ManualClock();
  const b = { ...PARTS.b, optional: true };
  const routes: Routes = { "GET /whole": { cache: {}, gather: { ...PARTS, b } } };
  await using gateway = startGateway(configOf(answers, { routes }), { clock });
  await dataOf(gateway);
  answers.at("/b", 500);
  const strict = { headers: { prefer: "handling=strict" } };
  const kept = await ask(`${gateway.url}/whole`, strict);
  assertEquals((await readEnvelope(kept)).complete, true);
  assertEquals(kept.headers.get("preference-applied"), "handling=strict");
  await clock.advance(11_000);
  await readProblem(await ask(`${gateway.url}/whole`, strict), {
    status: 502,
    kind: "upstream-error",
  });
});

Deno.test("the response of a race is stored as a whole", async () => {
  await using answers = new Answers().at("/a", { "cache-control": "max-age=60" }).at("/b", 500);
  const routes: Routes = { "GET /whole": { cache: {}, first: PARTS } };
  await using gateway = startGateway(configOf(answers, { routes }), { clock: new ManualClock() });
  assertEquals(await dataOf(gateway), 1);
  const again = await ask(`${gateway.url}/whole`);
  assert(statusOf(again.headers).some((one) => one.startsWith("sluice; hit")));
  assertEquals((await again.json()).data, 1);
  assertEquals(answers.count("/a"), 1);
});

Deno.test("the stored response of a quorum is streamed as the same records as the first time", async () => {
  const gate = Promise.withResolvers<void>();
  let asked = 0;
  await using upstream = startUpstream(async (request) => {
    asked++;
    if (request.url.endsWith("/a")) return new Response(null, { status: 500 });
    await gate.promise;
    return Response.json(1, { headers: { "cache-control": "max-age=60" } });
  });
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url, retry: { attempts: 1 } } },
    routes: { "GET /whole": { cache: {}, quorum: 1, gather: PARTS } },
  });
  const headers = { accept: "application/x-ndjson" };
  const lines = (text: string) => text.trim().split("\n").toSorted();
  const live = await ask(`${gateway.url}/whole`, { headers });
  gate.resolve();
  const expected = lines(await live.text());
  assertEquals(expected.length, 3);
  await (await ask(`${gateway.url}/whole`)).text();
  const before = asked;
  const kept = await ask(`${gateway.url}/whole`, { headers });
  assertEquals(lines(await kept.text()), expected);
  assertEquals(asked, before);
});

const RECORDS = {
  "application/x-ndjson": '{"part":"a","data":1}\n{"part":"b","data":1}\n{"complete":true}\n',
  "text/event-stream":
    'event: part\ndata: {"part":"a","data":1}\n\nevent: part\ndata: {"part":"b","data":1}\n\nevent: done\ndata: {"complete":true}\n\n',
};
for (const [accept, expected] of Object.entries(RECORDS)) {
  Deno.test(`a kept whole is told as records to who wants ${accept}`, async () => {
    const fresh = { "cache-control": "max-age=60" };
    await using answers = new Answers().at("/a", fresh).at("/b", fresh);
    await using gateway = startGateway(configOf(answers), { clock: new ManualClock() });
    const etag = (await headersOf(gateway)).get("etag") ?? "";
    const headers = { accept, "if-none-match": etag };
    const response = await ask(`${gateway.url}/whole`, { headers });
    assertEquals(response.headers.get("content-type"), accept);
    assertEquals(await response.text(), expected);
    assertEquals(answers.count("/a"), 1);
  });

  Deno.test(`a client that says no-cache gets no kept records as ${accept}`, async () => {
    const fresh = { "cache-control": "max-age=60" };
    await using answers = new Answers().at("/a", fresh).at("/b", fresh);
    await using gateway = startGateway(configOf(answers), { clock: new ManualClock() });
    await headersOf(gateway);
    const headers = { accept, "cache-control": "no-cache" };
    await (await ask(`${gateway.url}/whole`, { headers })).text();
    assertEquals(answers.count("/a"), 2);
  });

  Deno.test(`what is not kept is asked for, as ${accept}, and not kept either`, async () => {
    const fresh = { "cache-control": "max-age=60" };
    await using answers = new Answers().at("/a", fresh).at("/b", fresh);
    await using gateway = startGateway(configOf(answers), { clock: new ManualClock() });
    for (let turn = 1; turn <= 2; turn++) {
      const response = await ask(`${gateway.url}/whole`, { headers: { accept } });
      assertEquals(response.headers.get("cache-control"), "no-store");
      await response.text();
      assertEquals(answers.count("/a"), turn);
    }
  });
}

/** How many tokens are left, as the answer tells. */
function left(headers: Headers): number {
  return Number(/;r=(\d+)/.exec(headers.get("ratelimit") ?? "")?.[1]);
}

const LIMITS = { all: { rate: "1/h", burst: 5, by: "all", refund: ["hit"] } } as const;
const REFUNDED: Readonly<
  Record<string, { cache?: CacheConfig; route: { cache?: CacheConfig }; accept?: string }>
> = {
  "a whole that is kept": { route: { cache: {} } },
  "a whole of which all parts are kept": { cache: {}, route: {} },
  "records of a whole that is kept": { route: { cache: {} }, accept: "application/x-ndjson" },
};
for (const [what, { cache, route, accept = "*/*" }] of Object.entries(REFUNDED)) {
  Deno.test(`refund ["hit"] gives the token back for ${what}`, async () => {
    const fresh = { "cache-control": "max-age=60" };
    await using answers = new Answers().at("/a", fresh).at("/b", fresh);
    const routes: Routes = { "GET /whole": { ...route, limit: "all", gather: PARTS } };
    await using gateway = startGateway(
      configOf(answers, { ...(cache && { cache }), routes, limits: LIMITS }),
      { clock: new ManualClock() },
    );
    assertEquals(left(await headersOf(gateway)), 4);
    for (let turn = 0; turn < 10; turn++) {
      const response = await ask(`${gateway.url}/whole`, { headers: { accept } });
      assertEquals(response.status, 200, `request ${turn}`);
      await response.text();
    }
    assertEquals(answers.count("/a"), 1);
  });
}

Deno.test('refund ["hit"] keeps the token when one part had to be asked for', async () => {
  await using answers = new Answers().at("/a", { "cache-control": "max-age=60" });
  const routes: Routes = { "GET /whole": { limit: "all", gather: PARTS } };
  await using gateway = startGateway(configOf(answers, { cache: {}, routes, limits: LIMITS }), {
    clock: new ManualClock(),
  });
  const spent = [];
  for (let turn = 0; turn < 3; turn++) spent.push(left(await headersOf(gateway)));
  assertEquals(spent, [4, 3, 2]);
});

Deno.test("HEAD of an aggregate has the headers of GET, from the cache", async () => {
  const fresh = { "cache-control": "max-age=60" };
  await using answers = new Answers().at("/a", fresh).at("/b", fresh);
  await using gateway = startGateway(configOf(answers), { clock: new ManualClock() });
  const get = await headersOf(gateway);
  const head = await ask(`${gateway.url}/whole`, { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
  for (const name of ["etag", "cache-control", "content-type", "gateway-complete"]) {
    assertEquals(head.headers.get(name), get.get(name), name);
  }
  assertEquals(answers.count("/a"), 1);
});

Deno.test("within stale an aggregate is served at once and refreshed in the background", async () => {
  const fresh = { "cache-control": "max-age=10" };
  await using answers = new Answers().at("/a", fresh).at("/b", fresh);
  const clock = new ManualClock();
  const routes: Routes = { "GET /whole": { cache: { stale: "1m" }, gather: PARTS } };
  await using gateway = startGateway(configOf(answers, { routes }), { clock });
  await dataOf(gateway);
  await clock.advance(11_000);
  const response = await ask(`${gateway.url}/whole`);
  assertEquals((await readEnvelope(response, { parts: [] })).data, { a: 1, b: 1 });
  await until(() => answers.count("/b") === 2 && gateway.background.size === 0, "refreshed");
  assertEquals(await dataOf(gateway), { a: 2, b: 2 });
  await until(() => gateway.log.length === 3, "all are logged");
  assertEquals(gateway.log.map(({ parts = [] }) => parts.length), [2, 0, 0]);
});

Deno.test("20 concurrent requests for an aggregate cost one call per part", async () => {
  const fresh = { "cache-control": "max-age=10" };
  await using answers = new Answers().at("/a", fresh).at("/b", fresh);
  await using gateway = startGateway(configOf(answers), { clock: new ManualClock() });
  const data = await Promise.all(Array.from({ length: 20 }, () => dataOf(gateway)));
  assertEquals(data, Array(20).fill({ a: 1, b: 1 }));
});

Deno.test("HEAD of a stored aggregate has the length of GET", async () => {
  await using upstream = startUpstream(() => Response.json({ a: 1 }));
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: { "GET /it": { cache: { ttl: "10s" }, gather: { it: { from: "up" } } } },
  });
  const lengths: (string | null)[] = [];
  for (const method of ["GET", "GET", "HEAD"]) {
    const response = await fetch(`${gateway.url}/it`, { method });
    await response.body?.cancel();
    lengths.push(response.headers.get("content-length"));
  }
  assertEquals(lengths, ["39", "39", "39"]);
});
