import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Part } from "../../lib/config/part.ts";
import type { HttpUpstream } from "../../lib/config/upstream.ts";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { startGateway } from "../support/gateway.ts";
import { startUpstream } from "../support/upstream.ts";

// What an upstream says about its refusal reaches the client of an aggregate.

const FIELDS = '{"errors":[{"field":"email","id":9007199254740993}]}';

interface Said {
  readonly status?: number;
  readonly type?: string;
  readonly body?: string;
  readonly upstream?: Partial<HttpUpstream>;
  readonly part?: Partial<Part>;
}

/** The text of an aggregate's response, whose only part the upstream refuses so. */
async function told(said: Said): Promise<string> {
  const { status = 422, type = "application/json", body = FIELDS, upstream, part } = said;
  await using server = startUpstream(() =>
    new Response(body, { status, headers: { "content-type": type } })
  );
  await using gateway = startGateway({
    upstreams: { up: { url: server.url, ...upstream } },
    routes: { "GET /it": { gather: { it: { from: "up", ...part } } } },
  });
  return await (await ask(`${gateway.url}/it`)).text();
}

for (const status of [400, 404, 409, 410, 422]) {
  for (const type of ["application/json; charset=utf-8", "application/problem+json"]) {
    Deno.test(`what an upstream says with ${status} as ${type} stands in the problem`, async () => {
      const text = await told({ status, type });
      assertEquals(text.split(`"upstream":${FIELDS}`).length, 3, text); // the whole's, and the part's
    });
  }
}

for (
  const said of [
    { status: 451 },
    { status: 500 },
    { status: 429 },
    { status: 401 },
    { status: 401, part: { headers: { authorization: "{header.authorization}" } } },
    { type: "text/html", body: "<h1>email</h1>" },
    { type: "text/plain" },
    { body: '{"email":' },
    { body: "" },
    { body: `"email ${"x".repeat(16 * 1024)}"` },
    { upstream: { errors: "hide" } },
  ] satisfies Said[]
) {
  Deno.test(`not so ${JSON.stringify(said).slice(0, 80)}`, async () => {
    const text = await told(said);
    assertStringIncludes(text, '"problems":');
    assertEquals([text.includes("email"), text.includes('"upstream":')], [false, false], text);
  });
}

Deno.test("nested however deeply, a refusal leaves the gateway standing", async () => {
  for (const depth of [100, 1_000, 2_000, 4_000, 8_000]) {
    const text = await told({ body: "[".repeat(depth) + "]".repeat(depth) });
    assertEquals(JSON.parse(text).status, 422);
  }
});

Deno.test("an optional part's refusal, and an item's, stand in problems", async () => {
  await using upstream = startUpstream(({ url }) => {
    const id = new URL(url).pathname.slice(1);
    return Response.json({ no: id }, { status: id === "7" ? 200 : 404 });
  });
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /it": {
        gather: {
          one: { from: "up", path: "/1", optional: true },
          each: { from: "up", path: "/{item}", each: "{query.id}", optional: true },
        },
      },
    },
  });
  const { problems = [] } = await readEnvelope(await ask(`${gateway.url}/it?id=7&id=8`));
  const shown = problems.map((problem) => [
    problem.part,
    problem.index,
    Reflect.get(problem, "upstream"),
  ]);
  assertEquals(shown.toSorted(), [["each", 1, { no: "8" }], ["one", undefined, { no: "1" }]]);
});

Deno.test("a streamed aggregate tells it too", async () => {
  await using upstream = startUpstream(() => Response.json({ no: 1 }, { status: 409 }));
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: { "GET /it": { gather: { it: { from: "up" } } } },
  });
  const headers = { accept: "application/x-ndjson" };
  const response = await ask(`${gateway.url}/it`, { headers });
  const problem = await readProblem(response, { status: 409, kind: "upstream-refused" });
  assertEquals(Reflect.get(problem, "upstream"), { no: 1 });
});
