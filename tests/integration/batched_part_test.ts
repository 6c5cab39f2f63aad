import { assert, assertEquals } from "@std/assert";
import type { Part } from "../../lib/config/part.ts";
import { ask, readEnvelope } from "../support/responses.ts";
import { startGateway } from "../support/gateway.ts";
import { startUpstream } from "../support/upstream.ts";
import { A, gatherOf, problemsOf } from "../support/part_configs.ts";
import { Random } from "../support/random.ts";

type Batch = NonNullable<Part["batch"]>;
const BATCH: Batch = { of: "{order.items[].productId}", param: "ids", by: "/id", max: 3 };

/** An upstream whose order has these products, of which it lacks 404. */
function start(ids: readonly unknown[], batch: Batch = BATCH, more: Partial<Part> = {}) {
  const calls: string[][] = [];
  const product = (id: string) => `{"id":${id},"price":10.10,"big":1e400}`;
  const upstream = startUpstream(async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const headers = { "content-type": "application/json", "cache-control": "max-age=60" };
    if (pathname === "/order") {
      const items = ids.map((productId) => ({ productId }));
      return new Response(JSON.stringify({ items }), {
        headers: { ...headers, "cache-control": "no-store" },
      });
    }
    const one = /^\/products\/(.+)$/.exec(pathname)?.[1];
    if (one === "404") return new Response(null, { status: 404 });
    if (one) return new Response(product(one), { headers });
    const asked: string[] = request.method === "POST"
      ? (await request.json()).ids.map(String)
      : searchParams.getAll("ids").flatMap((text) => text.split(","));
    calls.push(asked);
    if (asked.includes("500")) return new Response(null, { status: 500 });
    const found = asked.filter((id) => id !== "404").reverse();
    const body = batch.by
      ? `{"found":[${found.map(product).join()}]}`
      : `{"found":{${found.map((id) => `"${id}":${product(id)}`).join()}}}`;
    return new Response(body, { headers });
  });
  const order = { from: "up", path: "/order" } as const;
  const gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /": {
        gather: {
          order,
          it: { from: "up", path: "/products", batch, select: "/found", optional: true, ...more },
        },
      },
      "GET /each": {
        gather: {
          order,
          it: {
            from: "up",
            path: "/products/{item}",
            each: "{order.items[].productId}",
            optional: true,
          },
        },
      },
    },
  });
  return { upstream, gateway, calls };
}

async function itemsOf(url: string): Promise<[text: string, problems: unknown]> {
  const response = await ask(url);
  const text = await response.clone().text();
  const { problems = [] } = await readEnvelope(response);
  const it = /"it":(.*?)},"complete"/.exec(text)?.[1] ?? "";
  return [it, problems.map(({ part, index, status }) => [part, index, status])];
}

Deno.test("batch: gives the same data as a call for each item, in fewer calls", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed);
    const ids = Array.from(
      { length: random.int(0, 12) },
      () => random.pick([1, 2, 3, 4, 5, 6, 404]),
    );
    const { upstream, gateway, calls } = start(ids);
    await using _upstream = upstream;
    await using _gateway = gateway;
    assertEquals(await itemsOf(gateway.url), await itemsOf(`${gateway.url}/each`), `seed ${seed}`);
    const sent = calls.flat();
    assertEquals(new Set(sent).size, sent.length);
    assertEquals(sent.toSorted(), [...new Set(ids.map(String))].toSorted());
    assertEquals(calls.length, Math.ceil(new Set(ids).size / 3));
  }
});

for (
  const batch of [
    { ...BATCH, join: "," },
    { of: BATCH.of, body: { ids: "{item}" }, by: "/id" },
    { of: BATCH.of, param: "ids" },
  ] satisfies Batch[]
) {
  Deno.test(`batch: ${JSON.stringify(batch)}`, async () => {
    const { upstream, gateway, calls } = start(
      [2, 1, 2],
      batch,
      batch.body ? { method: "POST" } : {},
    );
    await using _upstream = upstream;
    await using _gateway = gateway;
    const of = (id: number) => `{"id":${id},"price":10.10,"big":1e400}`;
    assertEquals((await itemsOf(gateway.url))[0], `[${[2, 1, 2].map(of)}]`);
    assertEquals(calls, [["2", "1"]]);
  });
}

Deno.test("batch: a failed call is a problem of each of its values", async () => {
  const { upstream, gateway } = start([1, 2, 3, 500, 4]);
  await using _upstream = upstream;
  await using _gateway = gateway;
  const [, problems] = await itemsOf(gateway.url);
  assertEquals(problems, [["it", 3, 502], ["it", 4, 502]]);
});

Deno.test("batch: each value has its own stored response", async () => {
  const ids = [1, 2];
  const { upstream, gateway, calls } = start(ids, BATCH, { cache: {} });
  await using _upstream = upstream;
  await using _gateway = gateway;
  await itemsOf(gateway.url);
  ids.push(3);
  const [text] = await itemsOf(gateway.url);
  assert(text.startsWith('[{"id":1,'));
  assertEquals(calls, [["1", "2"], ["3"]]);
});

for (
  const [batch, problem] of [
    [{ of: "{b.ids}", by: "/id" }, `${A}.batch: must have either param or body`],
    [{ of: "{id}", param: "ids" }, `${A}.batch.of: must be a list`],
    [
      { of: "{b.ids}", body: [1], join: "," },
      `${A}.batch.join: must only be set together with param`,
    ],
    [{ of: "b.ids", param: "ids" }, `${A}.batch.of: must be a single {name}`],
  ] as const
) {
  Deno.test(`batch: ${problem}`, () => {
    const text = problemsOf(
      gatherOf({ a: { from: "up", method: "POST", batch }, b: { from: "up" } }),
    );
    assert(text.includes(problem), text);
  });
}
