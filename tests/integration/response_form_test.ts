import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ConfigError } from "../../lib/config/config_error.ts";
import type { GatherRoute } from "../../lib/config/route.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { gatewayFor } from "../support/gateway.ts";
import { schemaAccepts } from "../support/config_schema.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

const ORDER = '{"id":9007199254740993,"total":10.10,"big":1e400,"items":[{"sku":"a"}],"to":"7"}';

function startShop(): TestUpstream {
  return startUpstream(({ url, method }) => {
    const { pathname } = new URL(url);
    const type = { "content-type": "application/json" };
    if (method === "POST") {
      return new Response('{"id":7}', {
        status: 201,
        headers: [["content-type", "application/json"], ["location", "/orders/7"], [
          "set-cookie",
          "a=1",
        ], ["set-cookie", "b=2"]],
      });
    }
    if (pathname === "/order") return new Response(ORDER, { headers: type });
    if (pathname === "/customer") return Response.json({ id: 3, name: "Ada", tags: { a: 1 } });
    if (pathname === "/more") return Response.json({ id: 4, tags: { b: 2 }, list: [1] });
    if (pathname === "/list") return Response.json([1, 2]);
    return new Response("broken", { status: 500 });
  });
}

const part = (path: `/${string}`) => ({ from: "up", path });

async function textOf(
  route: Omit<GatherRoute, "gather"> & Pick<GatherRoute, "gather">,
  init: RequestInit = {},
) {
  await using upstream = startShop();
  await using gateway = gatewayFor({
    upstream: upstream.url,
    routes: { "GET /home/:id": route, "POST /home/:id": route },
  });
  const response = await fetch(`${gateway.url}/home/7?q=tea`, init);
  return { response, text: await response.text() };
}

Deno.test("answer: a template is the whole response, and its numbers keep their digits", async () => {
  const { response, text } = await textOf({
    gather: {
      order: part("/order"),
      customer: { ...part("/customer"), hidden: true },
      gone: { ...part("/broken"), optional: true },
    },
    answer: {
      id: "{order.id}",
      total: "{order.total}",
      big: "{order.big}",
      first: "{order.items}",
      who: "for {customer.name}",
      q: "{query.q}",
      param: "{id}",
      gone: "{gone}",
      noMember: "{customer.none.at.all}",
      noText: "<{gone.name}>",
      one: 1,
    },
  });
  assertEquals(
    text,
    '{"id":9007199254740993,"total":10.10,"big":1e400,"first":[{"sku":"a"}],"who":"for Ada",' +
      '"q":"tea","param":"7","gone":null,"noMember":null,"noText":"<>","one":1}',
  );
  assertEquals([response.status, response.headers.get("gateway-complete")], [200, "?0"]);
  assertEquals(response.headers.get("cache-control"), "no-store");
});

Deno.test("answer: one value is the whole; a failed part's stand-in, and its problem where it is wanted", async () => {
  const whole = await textOf({ gather: { order: part("/order") }, answer: "{order}" });
  assertEquals(whole.text, ORDER);
  assertEquals(whole.response.headers.get("gateway-complete"), "?1");
  const { text } = await textOf({
    gather: { order: part("/order"), gone: { ...part("/broken"), otherwise: [5] } },
    answer: { gone: "{gone}" },
    problemsIn: "problems",
  });
  const { gone, problems } = JSON.parse(text);
  assertEquals([gone, problems.length, problems[0].part, problems[0].status], [
    [5],
    1,
    "gone",
    502,
  ]);
});

Deno.test("merge: members side by side, the later part's of equal names", async () => {
  const gather = { customer: part("/customer"), more: part("/more"), list: part("/list") };
  const shallow = await textOf({ gather, merge: "shallow" });
  assertEquals(JSON.parse(shallow.text), {
    id: 4,
    name: "Ada",
    tags: { b: 2 },
    list: [1, 2],
  });
  const deep = await textOf({ gather, merge: "deep" });
  assertEquals(JSON.parse(deep.text).tags, { a: 1, b: 2 });
  const partial = await textOf({
    gather: { customer: part("/customer"), gone: { ...part("/broken"), optional: true } },
    merge: "shallow",
    problemsIn: "errors",
  });
  const { name, gone, errors } = JSON.parse(partial.text);
  assertEquals([name, gone, errors[0].part], ["Ada", null, "gone"]);
});

Deno.test("status and headers of a part become the response's, each cookie on a line of its own", async () => {
  const { response, text } = await textOf({
    gather: { created: { from: "up", path: "/orders", method: "POST" } },
    answer: "{created}",
    status: "created",
    headers: { location: "{created.header.location}", "set-cookie": "{created.header.set-cookie}" },
  }, { method: "POST" });
  const { headers, status } = response;
  assertEquals([status, headers.get("location"), text], [201, "/orders/7", '{"id":7}']);
  assertEquals(headers.getSetCookie(), ["a=1", "b=2"]);
  assertStringIncludes(headers.get("cache-control") ?? "", "private");
});

Deno.test("a required part that fails is a problem document, whatever the form", async () => {
  const { response, text } = await textOf({
    gather: { gone: part("/broken") },
    answer: { gone: "{gone}" },
  });
  assertEquals([response.status, JSON.parse(text).status], [502, 502]);
});

Deno.test("records are the same, also of a route that is cached in its own form", async () => {
  await using upstream = startUpstream(() =>
    Response.json({ a: 1 }, { headers: { "cache-control": "max-age=60" } })
  );
  await using gateway = gatewayFor({
    upstream: upstream.url,
    routes: {
      "GET /": {
        cache: { ttl: "1m" },
        gather: { it: { from: "up" } },
        answer: { b: "{it.a}", q: "{query.q}" },
      },
    },
  });
  const ask = async (query: string, accept = "application/json") =>
    await (await fetch(`${gateway.url}/?q=${query}`, { headers: { accept } })).text();
  assertEquals([await ask("1"), await ask("1"), await ask("2")], [
    '{"b":1,"q":"1"}',
    '{"b":1,"q":"1"}',
    '{"b":1,"q":"2"}',
  ]);
  assertEquals(upstream.requests.length, 2);
  assertStringIncludes(await ask("1", "application/x-ndjson"), '{"part":"it","data":{"a":1}}');
});

const R = 'routes["GET /:id"]';
const RULES: readonly (readonly [route: Record<string, unknown>, problem: string])[] = [
  [
    { answer: { a: "{ti}" } },
    `${R}.answer: must be the name of a part; got "ti"; did you mean "it"?`,
  ],
  [{ answer: "{it}", merge: "deep" }, `${R}.merge: must not be set together with answer`],
  [{ problemsIn: "p" }, `${R}.problemsIn: must only be set together with answer or merge`],
  [
    { merge: "shallow", problemsIn: "it" },
    `${R}.problemsIn: must not be the name of a part; got "it"`,
  ],
  [{ status: "ti" }, `${R}.status: must be the name of a part; got "ti"; did you mean "it"?`],
  [{ headers: { a: "{it.b}" } }, `${R}.headers.a: must be a header of a part such as`],
  [{ quorum: 1, answer: "{it}" }, `${R}.quorum: must not be set together with answer`],
  [{ cache: {}, answer: "{header.a}" }, `${R}.cache: must not be set together with "{header.a}"`],
];
Deno.test("config rule: a member that two parts pick is seen at start", () => {
  const gather = {
    a: { from: "up", pick: ["id", "x.y"] },
    b: { from: "up", pick: ["x"] },
    hidden: { from: "up", pick: ["id"], hidden: true },
  };
  const config = {
    upstreams: { up: { url: "http://up.example" } },
    routes: { "GET /": { gather, merge: "shallow" } },
  };
  const problem = 'routes["GET /"].merge: must not be shallow: a and b both have the member x';
  const error = assertThrows(() => parseConfig(config, () => undefined), ConfigError);
  assertEquals(error.message, problem);
});

for (const [route, problem] of RULES) {
  Deno.test(`config rule: ${problem}`, () => {
    const config = {
      upstreams: { up: { url: "http://up.example" } },
      routes: { "GET /:id": { gather: { it: { from: "up" } }, ...route } },
    };
    assertThrows(() => parseConfig(config, () => undefined), ConfigError, problem);
    const isSeen = !/did you mean|name of a part|cache/.test(problem);
    if (isSeen) assertEquals(schemaAccepts(config), false);
  });
}
