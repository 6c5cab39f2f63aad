import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Part } from "../../lib/config/part.ts";
import { json } from "../../lib/json/json_reply.ts";
import type { ExactNumber } from "../../lib/json/exact_number.ts";
import { ask } from "../support/responses.ts";
import { startGateway } from "../support/gateway.ts";
import { startUpstream } from "../support/upstream.ts";

const DOCUMENT = '{"id":9007199254740993,"price":10.10,"big":1e400,"zero":-0}';

/** The answer's `data`, as it is written. */
async function dataOf(parts: Readonly<Record<string, Partial<Part>>>): Promise<string> {
  await using upstream = startUpstream(() => new Response(DOCUMENT));
  await using gateway = startGateway({
    upstreams: {
      up: { url: upstream.url },
      fn: { source: () => Promise.resolve(json({ id: 2n ** 64n, n: 1 })) },
    },
    routes: {
      "GET /": {
        gather: Object.fromEntries(
          Object.entries(parts).map(([name, part]) => [name, { from: "up", ...part }]),
        ),
      },
    },
  });
  const text = await (await ask(gateway.url)).text();
  return text.replace(/^\{"data":(.*),"complete":true\}$/, "$1");
}

Deno.test("map gets JavaScript's numbers, and with exact all digits", async () => {
  const plain = ({ id }: { id: number }) => id;
  assertEquals(await dataOf({ it: { map: plain } }), '{"it":9007199254740992}');
  const exact = ({ id, price }: Record<"id" | "price", ExactNumber>) => ({
    id,
    next: BigInt(String(id)) + 1n,
    price,
    twice: Number(price) * 2,
  });
  assertEquals(
    await dataOf({ it: { map: exact, exact: true } }),
    '{"it":{"id":9007199254740993,"next":9007199254740994,"price":10.10,"twice":20.2}}',
  );
});

Deno.test("map with exact gets the other parts exactly too", async () => {
  const map = (_data: unknown, { a }: Readonly<Record<string, unknown>>) => a;
  assertEquals(
    await dataOf({ a: {}, b: { needs: ["a"], map, exact: true } }),
    `{"a":${DOCUMENT},"b":${DOCUMENT}}`,
  );
});

Deno.test("a function's bigints are numbers, which other parts pass on", async () => {
  assertEquals(
    await dataOf({ a: { from: "fn" }, b: { from: "fn", path: "/{a.id}", pick: ["id"] } }),
    '{"a":{"id":18446744073709551616,"n":1},"b":{"id":18446744073709551616}}',
  );
});

Deno.test("a config's large numbers are bigints, and others are refused rather than rounded", async () => {
  const part = { from: "fn", optional: true, otherwise: { id: 2n ** 53n + 1n }, select: "/none" };
  assertEquals(
    await dataOf({ it: part, id: { from: "fn", params: { id: 2n ** 64n }, pick: ["n"] } }),
    '{"data":{"it":{"id":9007199254740993},"id":{"n":1}},"complete":false,"problems":[{"part":"it",' +
      '"type":"/_gateway/problems/upstream-invalid","title":"Invalid upstream response",' +
      '"status":502,"detail":"the upstream\'s response has nothing at /none"}]}',
  );
  for (const key of ["body", "otherwise"]) {
    const error = await assertRejects(() => dataOf({ it: { method: "POST", [key]: [2 ** 53] } }));
    assertStringIncludes(String(error), `${key}: must not have a whole number of 2^53 or more`);
  }
});

/** What a gateway says of a document whose member is nested so deeply. */
async function nested(depth: number, part: Partial<Part>): Promise<string> {
  const deep = '{"a":'.repeat(depth / 2) + "[".repeat(depth / 2) + "1.0" + "]".repeat(depth / 2) +
    "}".repeat(depth / 2);
  await using upstream = startUpstream(async (request) => {
    const { pathname } = new URL(request.url);
    return new Response(pathname === "/deep" ? `{"deep":${deep},"id":1.0}` : await request.text());
  });
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /": {
        gather: {
          deep: { from: "up", path: "/deep" },
          it: { from: "up", method: "POST", path: "/echo", ...part },
        },
      },
    },
  });
  const response = await ask(gateway.url);
  const { data, problems } = await response.json();
  return response.ok ? JSON.stringify(data.it) : problems[0].detail;
}

Deno.test("nesting without end is an upstream's fault where it is passed on as a value, and no crash", async () => {
  const TOO_DEEP = "deep.deep: must not be nested more than 1000 deep";
  const whole = { body: "{deep.deep}" };
  assertEquals((await nested(990, whole)).length, 990 * 3 + 1 + 990);
  for (const depth of [1000, 2000, 300_000]) {
    assertEquals(await nested(depth, whole), TOO_DEEP);
    assertEquals(await nested(depth, { body: ["{deep.id}"] }), "[1]");
    const each = { each: "{deep.deep}", body: "{item}" };
    assertEquals(await nested(depth, each), TOO_DEEP);
    const shape = { method: "GET", path: "/deep", select: "/id" } as const;
    assertEquals(await nested(depth, shape), "1");
  }
});

Deno.test("a stored response that is streamed as records keeps its digits", async () => {
  const document = DOCUMENT.replace(",", ",\n ");
  await using upstream = startUpstream(() => new Response(document));
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /": {
        cache: { ttl: "30s" },
        gather: { "a": { from: "up" }, b: { from: "up", path: "/b" } },
      },
    },
  });
  await (await ask(gateway.url)).text();
  const response = await ask(gateway.url, { headers: { accept: "application/x-ndjson" } });
  const line = document.replace("\n", " ");
  assertEquals(
    await response.text(),
    `{"part":"a","data":${line}}\n{"part":"b","data":${line}}\n{"complete":true}\n`,
  );
  assertEquals(upstream.requests.length, 2);
});
