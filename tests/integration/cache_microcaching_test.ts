import { assertEquals } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { ask } from "../support/responses.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { until, within } from "../support/program.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

type CacheConfig = NonNullable<NonNullable<GatewayConfig["upstreams"]>[string]["cache"]>;

const MANY = 20;
/** Late in a second, so that a Date of whole seconds seems to be old. */
const LATE = Date.UTC(2026, 0, 1) + 637;

function forwarding(
  { url }: TestUpstream,
  cache: CacheConfig,
  clock = new ManualClock(LATE),
): TestGateway {
  return startGateway({
    upstreams: { it: { url, cache } },
    routes: {
      "ANY /*": { forward: "it" },
      "GET /whole": { gather: { a: { from: "it", path: "/it" } }, cache: { ttl: "1s" } },
    },
  }, { clock });
}

async function text(gateway: TestGateway, path = "/it", headers: HeadersInit = {}) {
  return await (await ask(gateway.url + path, { headers })).text();
}

/** Resolves when what was sent to the gateway before has come to its cache. */
async function arrived(gateway: TestGateway): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await text(gateway, "/_gateway/health/live");
}

interface Second {
  readonly what: string;
  readonly cache: CacheConfig;
  readonly path?: string;
  readonly said: HeadersInit;
}

const SECONDS: readonly Second[] = [
  { what: "max-age=1", cache: {}, said: { "cache-control": "max-age=1" } },
  { what: "ttl of 1s", cache: { ttl: "1s" }, said: {} },
  {
    what: "an aggregate of max-age=1",
    cache: {},
    path: "/whole",
    said: { "cache-control": "max-age=1" },
  },
  {
    what: "stale-while-revalidate",
    cache: { stale: "1m" },
    said: { "cache-control": "max-age=1" },
  },
];

for (const { what, cache, said, path } of SECONDS) {
  Deno.test(`${what}: 200 requests in 5.5 s come to 6 calls`, async () => {
    const clock = new ManualClock(LATE);
    await using upstream = startUpstream(() =>
      Response.json("it", { headers: { date: new Date(clock.wall()).toUTCString(), ...said } })
    );
    await using gateway = forwarding(upstream, cache, clock);
    for (let asked = 0; asked < 200; asked++) {
      await text(gateway, path);
      await until(() => gateway.background.size === 0, "the refresh has ended");
      await clock.advance(27.5);
    }
    assertEquals(upstream.requests.length, 6);
  });
}

/** What comes of many requests that wait for one call, which ends when all have come. */
async function collapse(
  headers: HeadersInit,
  cache: CacheConfig = {},
  asks: (index: number) => HeadersInit = () => ({}),
): Promise<{ readonly texts: readonly string[]; readonly calls: number }> {
  const gate = Promise.withResolvers<void>();
  let made = 0;
  await using upstream = startUpstream(async () => {
    const mine = ++made;
    await gate.promise;
    return new Response(String(mine), { headers });
  });
  await using gateway = forwarding(upstream, cache);
  const answers = Array.from({ length: MANY }, (_, index) => text(gateway, "/it", asks(index)));
  await upstream.asked(1);
  await arrived(gateway);
  gate.resolve();
  return { texts: await Promise.all(answers), calls: upstream.requests.length };
}

for (
  const said of [
    { "cache-control": "max-age=0" },
    { "cache-control": "max-age=0, must-revalidate" },
    { "cache-control": "max-age=5", age: "9" },
    { "cache-control": "s-maxage=0" },
    { expires: "0" },
  ]
) {
  Deno.test(`those who waited share what is out of date when it comes: ${JSON.stringify(said)}`, async () => {
    const { texts, calls } = await collapse(said);
    assertEquals(texts, Array(MANY).fill("1"));
    assertEquals(calls, 1);
  });
}

for (
  const said of [
    {},
    { "cache-control": "no-cache, max-age=60" },
    { "cache-control": "private, max-age=60" },
    { "cache-control": "no-store" },
    { "cache-control": "max-age=60", "set-cookie": "a=b" },
    { "cache-control": "max-age=60", vary: "*" },
  ]
) {
  Deno.test(`those who waited do not share ${JSON.stringify(said)}`, async () => {
    const { texts, calls } = await collapse(said);
    assertEquals(new Set(texts).size, MANY);
    assertEquals(calls, MANY);
  });
}

Deno.test("waiters with an Authorization share only responses that allow it", async () => {
  const authorized = (index: number) => ({ authorization: `Bearer ${index}` });
  const own = await collapse({ "cache-control": "max-age=0" }, {}, authorized);
  assertEquals(new Set(own.texts).size, MANY);
  const all = await collapse({ "cache-control": "public, max-age=0" }, {}, authorized);
  assertEquals(new Set(all.texts).size, 1);
});

Deno.test("20 requests in two languages for a stale response cost two calls", async () => {
  const clock = new ManualClock(LATE);
  let made = 0;
  await using upstream = startUpstream((request) =>
    new Response(`${request.headers.get("accept-language")} ${++made}`, {
      headers: {
        "cache-control": "max-age=1",
        vary: "Accept-Language",
        date: new Date(clock.wall()).toUTCString(),
      },
    })
  );
  await using gateway = forwarding(upstream, {}, clock);
  for (let second = 0; second < 3; second++) {
    const texts = await Promise.all(Array.from(
      { length: MANY },
      (_, index) => text(gateway, "/it", { "accept-language": index % 2 === 0 ? "de" : "en" }),
    ));
    texts.forEach((text, index) => assertEquals(text.slice(0, 2), index % 2 === 0 ? "de" : "en"));
    await clock.advance(1_000);
  }
  assertEquals(upstream.requests.length, 6);
});

Deno.test("a body that is still streaming serves new clients while it is fresh", async () => {
  const clock = new ManualClock(LATE);
  const sends: ReadableStreamDefaultController<Uint8Array>[] = [];
  await using upstream = startUpstream(() => {
    const body = new ReadableStream<Uint8Array>({ start: (sent) => void sends.push(sent) });
    return new Response(body, {
      headers: { "cache-control": "max-age=1", date: new Date(clock.wall()).toUTCString() },
    });
  });
  await using gateway = forwarding(upstream, {}, clock);
  const responses = [await ask(`${gateway.url}/it`)];
  await clock.advance(999);
  responses.push(await ask(`${gateway.url}/it`));
  await clock.advance(1);
  responses.push(await ask(`${gateway.url}/it`));
  sends.forEach((sent, index) => {
    sent.enqueue(new TextEncoder().encode(String(index)));
    sent.close();
  });
  const texts = await Promise.all(responses.map((response) => response.text()));
  assertEquals(texts, ["0", "0", "1"]);
});

Deno.test("while a refresh is streaming, no other one starts", async () => {
  const clock = new ManualClock(LATE);
  let send: ReadableStreamDefaultController<Uint8Array> | undefined;
  let made = 0;
  await using upstream = startUpstream(() => {
    const body = new ReadableStream<Uint8Array>({ start: (sent) => void (send = sent) });
    return new Response(made++ === 0 ? "it" : body, { headers: { "cache-control": "max-age=60" } });
  });
  await using gateway = forwarding(upstream, { stale: "1m" }, clock);
  await text(gateway);
  await clock.advance(61_000);
  for (let asked = 0; asked < 5; asked++) {
    assertEquals(await text(gateway), "it");
    await upstream.asked(2);
    await arrived(gateway);
  }
  send?.close();
  await until(() => gateway.background.size === 0, "the refresh has ended");
  assertEquals(upstream.requests.length, 2);
});

Deno.test("waiters get the stored response when the shared call fails", async () => {
  const clock = new ManualClock(LATE);
  const gate = Promise.withResolvers<void>();
  let made = 0;
  await using upstream = startUpstream(async () => {
    if (made++ === 0) return new Response("it", { headers: { "cache-control": "max-age=1" } });
    await gate.promise;
    return new Response("down", { status: 503 });
  });
  await using gateway = forwarding(upstream, { staleIfError: "1m" }, clock);
  await text(gateway);
  await clock.advance(1_000);
  const answers = Array.from({ length: MANY }, () => text(gateway));
  await upstream.asked(2);
  await arrived(gateway);
  gate.resolve();
  assertEquals(await Promise.all(answers), Array(MANY).fill("it"));
  assertEquals(upstream.requests.length, 2);
});

Deno.test("a call from before a change serves no request from after it", async () => {
  const clock = new ManualClock(LATE);
  const gate = Promise.withResolvers<void>();
  let gets = 0;
  await using upstream = startUpstream(async ({ method }) => {
    if (method === "PUT") return new Response();
    const mine = ++gets;
    if (mine === 1) await gate.promise;
    return new Response(mine === 1 ? "old" : "new", { headers: { "cache-control": "max-age=60" } });
  });
  await using gateway = forwarding(upstream, {}, clock);
  const before = text(gateway);
  await upstream.asked(1);
  await (await ask(`${gateway.url}/it`, { method: "PUT" })).text();
  await clock.advance(1);
  const after = await within(text(gateway), "the answer that was made after the change");
  gate.resolve();
  assertEquals([await before, after], ["old", "new"]);
  assertEquals(await text(gateway), "new");
  assertEquals(upstream.requests.length, 3);
});
