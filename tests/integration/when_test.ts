import { assert, assertEquals } from "@std/assert";
import type { GatherRoute } from "../../lib/config/route.ts";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";
import { problemsOf } from "../support/part_configs.ts";

const ORDER = { id: 7, isGift: false, items: [{ id: 1, big: false }, { id: 2, big: true }] };

function start(gather: GatherRoute["gather"], more = {}): [TestUpstream, TestGateway] {
  const upstream = startUpstream(({ url }) => {
    const { pathname } = new URL(url);
    return Response.json(pathname === "/order" ? ORDER : pathname);
  });
  const gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: { "GET /:id": { gather, ...more } },
  });
  return [upstream, gateway];
}

const pathsOf = ({ requests }: TestUpstream) =>
  requests.map(({ url }) => new URL(url).pathname).sort();

Deno.test("when: a part that is not called is absent, and the response complete", async () => {
  const [upstream, gateway] = start({
    order: { from: "up", path: "/order" },
    gift: { from: "up", path: "/gift", when: "order.isGift == true && query.full != 'no'" },
    card: { from: "up", path: "/cards/{gift}" },
    bill: { from: "up", path: "/bills/{query.number}", when: "has(query.number)" },
    note: { from: "up", path: "/note", when: "id == '7' && header['x-a'] == null" },
    wrap: { from: "up", method: "POST", path: "/wrap", body: ["{gift}"], whenAbsent: "null" },
  });
  await using _upstream = upstream;
  await using _gateway = gateway;
  const response = await ask(`${gateway.url}/7`);
  assertEquals(response.headers.get("gateway-complete"), "?1");
  const timing = response.headers.get("server-timing") ?? "";
  assert(timing.includes('card;dur=0.0;desc="skipped"'), timing);
  assertEquals(await readEnvelope(response), {
    data: { order: ORDER, note: "/note", wrap: "/wrap" },
    complete: true,
  });
  assertEquals(pathsOf(upstream), ["/note", "/order", "/wrap"]);
  assertEquals(
    gateway.log[0]?.parts?.filter(({ skipped }) => skipped).map(({ part }) => part).sort(),
    ["bill", "card", "gift"],
  );
  // With what it asks for, the same part is called.
  const { data } = await readEnvelope(await ask(`${gateway.url}/7?number=9`));
  assertEquals(data.bill, "/bills/9");
});

Deno.test("when: streams leave out what is not called", async () => {
  const [upstream, gateway] = start({
    order: { from: "up", path: "/order" },
    gift: { from: "up", path: "/gift", when: "order.isGift" },
  });
  await using _upstream = upstream;
  await using _gateway = gateway;
  const response = await ask(`${gateway.url}/7`, { headers: { accept: "application/x-ndjson" } });
  const lines = (await response.text()).trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines, [{ part: "order", data: ORDER }, { complete: true }]);
});

Deno.test("when: of an item decides about its call alone", async () => {
  const [upstream, gateway] = start({
    order: { from: "up", path: "/order" },
    stock: { from: "up", path: "/stock/{item.id}", each: "{order.items}", when: "item.big" },
  });
  await using _upstream = upstream;
  await using _gateway = gateway;
  const { data, complete } = await readEnvelope(await ask(`${gateway.url}/7`));
  assertEquals([data.stock, complete], [[null, "/stock/2"], true]);
});

Deno.test("when: a condition without a result is its part's problem", async () => {
  const [upstream, gateway] = start({
    order: { from: "up", path: "/order" },
    gift: { from: "up", path: "/gift", when: "order.gone.x == 1", optional: true },
  });
  await using _upstream = upstream;
  await using _gateway = gateway;
  const { data, complete, problems } = await readEnvelope(await ask(`${gateway.url}/7`));
  assertEquals([data, complete], [{ order: ORDER, gift: null }, false]);
  assertEquals(problems?.map(({ part, detail }) => [part, detail]), [
    ["gift", "its condition has no result: No such key: gone"],
  ]);
});

Deno.test("when: in a race, a part that is not called is no candidate", async () => {
  const [upstream, gateway] = start({
    a: { from: "up", path: "/a", when: "query.a == '1'" },
    b: { from: "up", path: "/b", when: "query.b == '1'" },
  }, { quorum: 1 });
  await using _upstream = upstream;
  await using _gateway = gateway;
  assertEquals((await readEnvelope(await ask(`${gateway.url}/7?b=1`))).data, { b: "/b" });
  await readProblem(await ask(`${gateway.url}/7`), {
    status: 502,
    kind: "input-failed",
  });
});

const part = (keys: unknown) => ({
  upstreams: { up: { url: "http://127.0.0.1:9001" } },
  routes: {
    "GET /:id": { gather: { order: { from: "up" }, gift: { from: "up", ...Object(keys) } } },
  },
});
for (
  const [keys, problem] of [
    [{ when: "ordr.isGift" }, "must be a CEL expression: Unknown variable: ordr"],
    [{ when: "ordr.isGift" }, 'did you mean "order"?'],
    [{ when: "id == 7" }, "must be a CEL expression: no such overload: string == int"],
    [{ when: "size(query) > 0" }, 'must name what it reads of query: query.NAME or query["NAME"]'],
    [{ when: "item.x" }, '"{item.x}" must only be used together with each'],
    [{ when: "gift.x" }, "Unknown variable: gift"],
    [{ when: "claims.x == 'a'" }, "must only be used together with an auth that has claims"],
    [{ when: "" }, "must not be empty"],
    [{ whenAbsent: "null" }, "must only be set together with a part that it needs"],
    [{ whenAbsent: "x" }, 'must be "null"'],
  ] as const
) {
  Deno.test(`when: ${JSON.stringify(keys)} is refused: ${problem}`, () => {
    const text = problemsOf(part(keys));
    assert(text.includes(problem), text);
  });
}
