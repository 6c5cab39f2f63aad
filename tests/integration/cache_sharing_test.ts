import { assertEquals, assertMatch } from "@std/assert";
import type { CacheConfig } from "../../lib/config/cache.ts";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { json } from "../../lib/json/json_reply.ts";
import { ask } from "../support/responses.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { until } from "../support/program.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

/** An upstream that numbers its responses, and says of them what the test wants. */
function counting(headers: Record<string, string> = {}): TestUpstream {
  const upstream = startUpstream(() => Response.json(upstream.requests.length, { headers }));
  return upstream;
}

async function numbersOf(gateway: TestGateway, asked: readonly HeadersInit[], path = "/it") {
  const numbers: unknown[] = [];
  for (const headers of asked) {
    const response = await ask(gateway.url + path, { headers });
    assertEquals(response.status, 200);
    const body = await response.json();
    numbers.push(body.data ? body.data.a : body);
  }
  return numbers;
}

const ANN = { cookie: "u=ann" };
const BOB = { cookie: "u=bob" };

/** Who gets which response: ann twice, bob, one without a Cookie twice, ann again. */
const SHARING: readonly {
  readonly what: string;
  readonly cache: CacheConfig;
  readonly says?: Record<string, string>;
  readonly numbers: readonly number[];
}[] = [
  {
    what: "a ttl is not for requests with a Cookie",
    cache: { ttl: "1m" },
    numbers: [1, 2, 3, 4, 4, 5],
  },
  {
    what: "an override is not, whatever the response says",
    cache: { ttl: "1m", override: true },
    says: { "cache-control": "private, max-age=9" },
    numbers: [1, 2, 3, 4, 4, 5],
  },
  {
    what: "nor is a guess, or a validator",
    cache: { ttl: "1m" },
    says: { "last-modified": "Thu, 01 Jan 2015 00:00:00 GMT", etag: '"a"' },
    numbers: [1, 2, 3, 4, 4, 5],
  },
  {
    what: "unless the config shares them",
    cache: { ttl: "1m", shared: true },
    numbers: [1, 1, 1, 1, 1, 1],
  },
  {
    what: "or the response says how long it is fresh",
    cache: { ttl: "1m" },
    says: { "cache-control": "max-age=60" },
    numbers: [1, 1, 1, 1, 1, 1],
  },
  {
    what: "or that it is public",
    cache: { ttl: "1m" },
    says: { "cache-control": "public", "last-modified": "Thu, 01 Jan 2015 00:00:00 GMT" },
    numbers: [1, 1, 1, 1, 1, 1],
  },
  {
    what: "and where it varies by them, each has its own",
    cache: {},
    says: { "cache-control": "max-age=60", vary: "Cookie" },
    numbers: [1, 1, 2, 3, 3, 1],
  },
];

for (const { what, cache, says, numbers } of SHARING) {
  Deno.test(`in a forward ${what}`, async () => {
    await using upstream = counting(says);
    await using gateway = startGateway({
      upstreams: { it: { url: upstream.url, cache } },
      routes: { "GET /it": { forward: "it" } },
    });
    assertEquals(await numbersOf(gateway, [ANN, ANN, BOB, {}, {}, ANN]), [...numbers]);
  });
}

Deno.test("waiting requests with Cookies do not get a response that only a ttl makes fresh", async () => {
  await using upstream = startUpstream(async ({ headers }) => {
    await until(() => gateway.arrived === 3, "all have come");
    return new Response(headers.get("cookie"));
  });
  await using gateway: TestGateway = startGateway({
    upstreams: { it: { url: upstream.url, cache: { ttl: "1m" } } },
    routes: { "GET /it": { forward: "it" } },
  });
  const texts = await Promise.all([{}, ANN, BOB].map(async (headers: HeadersInit) => {
    const response = await ask(`${gateway.url}/it`, { headers });
    return await response.text();
  }));
  assertEquals(texts, ["", "u=ann", "u=bob"]);
});

/** A function that says who asks. */
function whoConfig(cache: CacheConfig, more: Partial<GatewayConfig> = {}): GatewayConfig {
  let count = 0;
  return {
    upstreams: {
      who: {
        source: (_call, { client }) => Promise.resolve(json(`${client.name ?? "?"} ${++count}`)),
        cache,
      },
    },
    clients: {
      key: "header:x-key",
      known: { ann: { env: "ANN" }, bob: { env: "BOB" } },
    },
    routes: {
      "GET /part": { gather: { a: { from: "who" } } },
      "GET /forward": { forward: "who" },
      "GET /whole": { gather: { a: { from: "who", cache: false } }, cache },
    },
    ...more,
  };
}

const KEYS = { ANN: "annskey", BOB: "bobskey" };
const ASKED = ["annskey", "bobskey", "annskey"].map((key) => ({ "x-key": key }));

Deno.test("a function may look at the client: its responses are stored per client", async () => {
  await using gateway = startGateway(whoConfig({ ttl: "1m" }), { env: KEYS });
  for (const path of ["/part", "/forward"]) {
    const [ann, bob, again] = await numbersOf(gateway, ASKED, path);
    assertMatch(String(ann), /^ann /);
    assertMatch(String(bob), /^bob /);
    assertEquals(again, ann);
  }
  const [ann, bob, again] = await numbersOf(gateway, ASKED, "/whole");
  assertEquals([ann, bob, again].map((who) => String(who).split(" ")[0]), ["ann", "bob", "ann"]);
  const response = await ask(`${gateway.url}/whole`);
  await response.body?.cancel();
  assertMatch(response.headers.get("cache-control") ?? "", /^private, /);
});

Deno.test("a function's responses are shared with shared: true, or without clients", async () => {
  const shared = whoConfig({ ttl: "1m", shared: true });
  const { clients: _, ...unknown } = whoConfig({ ttl: "1m" });
  for (const config of [shared, unknown]) {
    await using gateway = startGateway(config, { env: KEYS });
    for (const path of ["/part", "/forward", "/whole"]) {
      const numbers = await numbersOf(gateway, ASKED, path);
      // Nobody said that the key is one: a forward passes it on as any other header.
      const isPassedOn = config === unknown && path === "/forward";
      const most = isPassedOn ? new Set(ASKED.map((asked) => JSON.stringify(asked))).size : 1;
      assertEquals(new Set(numbers).size, most, path);
    }
  }
});

Deno.test("a whole aggregate is of one language, unless no part is sent the client's", async () => {
  await using upstream = startUpstream(({ headers }) =>
    Response.json(headers.get("accept-language"))
  );
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url } },
    routes: {
      "GET /it": { gather: { a: { from: "it" } }, cache: { ttl: "1m" } },
      "GET /fixed": {
        gather: { a: { from: "it", headers: { "Accept-Language": "is" } } },
        cache: { ttl: "1m" },
      },
    },
  });
  const asked = ["de", "fr", "de"].map((language) => ({ "accept-language": language }));
  assertEquals(await numbersOf(gateway, asked), ["de", "fr", "de"]);
  assertEquals(upstream.requests.length, 2);
  assertEquals(await numbersOf(gateway, asked, "/fixed"), ["is", "is", "is"]);
  assertEquals(upstream.requests.length, 3);
  for (
    const [path, vary] of [["/it", "accept-language, Accept, Prefer"], ["/fixed", "Accept, Prefer"]]
  ) {
    const response = await ask(gateway.url + path);
    await response.body?.cancel();
    assertEquals(response.headers.get("vary"), vary);
  }
});

Deno.test("a whole aggregate of a part that varies by more than headers is not stored", async () => {
  await using upstream = counting({ "cache-control": "max-age=60", vary: "*" });
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url } },
    routes: { "GET /it": { gather: { a: { from: "it" } }, cache: { ttl: "1m" } } },
  });
  assertEquals(await numbersOf(gateway, [{}, {}]), [1, 2]);
});

/** What each of them is told by an upstream that says what keys it was sent. */
async function toldOf(key: "bearer" | "header:x-key", more: object, asked: readonly HeadersInit[]) {
  await using upstream = startUpstream(({ headers }) =>
    new Response(
      `${upstream.requests.length}: ${headers.get("x-key")} ${headers.get("authorization")}`,
    )
  );
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url, cache: { ttl: "1m" } } },
    clients: { key, known: { ann: { env: "ANN" }, bob: { env: "BOB" } } },
    routes: { "GET /it": { forward: { to: "it", ...more } } },
  }, { env: KEYS });
  const told: string[] = [];
  for (const headers of asked) {
    const response = await ask(`${gateway.url}/it`, { headers });
    told.push(await response.text());
  }
  return told;
}

const BEARERS = ["annskey", "bobskey", "other", "other"].map((token) => ({
  authorization: `Bearer ${token}`,
}));

Deno.test("a client's key stops at the gateway, and does not prevent sharing", async () => {
  const unknown = { "x-key": "guess" };
  assertEquals(
    await toldOf("header:x-key", {}, [...ASKED, unknown, {}]),
    Array(5).fill("1: null null"),
  );
  assertEquals(await toldOf("bearer", {}, BEARERS), [
    "1: null null",
    "1: null null",
    "2: null Bearer other",
    "3: null Bearer other",
  ]);
});

Deno.test("a client's key that passes is in the key of what is stored", async () => {
  const passing = { passClientKey: true };
  assertEquals(await toldOf("header:x-key", passing, ASKED), [
    "1: annskey null",
    "2: bobskey null",
    "1: annskey null",
  ]);
  assertEquals(
    (await toldOf("bearer", passing, BEARERS)).map((text) => text.split(" ").at(-1)),
    ["annskey", "bobskey", "other", "other"],
  );
});

/** Ann twice, Bob, Ann again; by a header that no config names. */
const BY_OTHER_HEADERS:
  readonly (readonly [string, CacheConfig, Record<string, string>, number[]])[] = [
    ["a ttl", { ttl: "1m" }, {}, [1, 1, 2, 1]],
    ["a ttl that is shared", { ttl: "1m", shared: true }, {}, [1, 1, 1, 1]],
    ["HTTP alone", {}, { "cache-control": "max-age=60" }, [1, 1, 1, 1]],
  ];

for (const [what, cache, says, numbers] of BY_OTHER_HEADERS) {
  Deno.test(`in a forward, what a client sends in a header of its own, by ${what}`, async () => {
    await using upstream = counting(says);
    await using gateway = startGateway({
      upstreams: { up: { url: upstream.url, cache } },
      routes: { "GET /it": { forward: "up" } },
    });
    const [ann, bob] = [{ "x-auth-request-user": "ann" }, { "x-auth-request-user": "bob" }];
    const browser = { ...ann, "user-agent": "another", "sec-ch-ua": "another" };
    assertEquals(await numbersOf(gateway, [ann, browser, bob, ann]), numbers);
  });
}
