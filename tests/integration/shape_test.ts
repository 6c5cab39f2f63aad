import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Part } from "../../lib/config/part.ts";
import { json } from "../../lib/json/json_reply.ts";
import { ask, type EnvelopeDocument, readEnvelope } from "../support/responses.ts";
import { startGateway } from "../support/gateway.ts";

const ANSWER = {
  "a/b": { "c~d": [10, { x: null }] },
  list: [{ id: 1, name: "one", at: { x: 1, y: 2 } }, { id: 2, secret: true }],
  id: 7,
  at: { x: 1, y: 2 },
  n: null,
};

async function shaped(part: Partial<Part>): Promise<EnvelopeDocument & { errors: unknown[] }> {
  await using gateway = startGateway({
    upstreams: { up: { source: () => Promise.resolve(json(ANSWER)) } },
    routes: { "GET /": { gather: { it: { from: "up", optional: true, ...part } } } },
  });
  return { ...await readEnvelope(await ask(gateway.url)), errors: gateway.errors };
}

const SHAPES: readonly (readonly [string, Partial<Part>, unknown])[] = [
  ["select", { select: "/list/1/id" }, 2],
  ["select with escapes", { select: "/a~1b/c~0d/0" }, 10],
  ["select of null", { select: "/n" }, null],
  ["select of all", { select: "" }, ANSWER],
  ["pick", { pick: ["id", "none"] }, { id: 7 }],
  ["pick within", { pick: ["at.y", "id"] }, { at: { y: 2 }, id: 7 }],
  ["pick of a whole and of its part", { pick: ["at.y", "at"] }, { at: { x: 1, y: 2 } }],
  ["pick of each of a list", { select: "/list", pick: ["id", "at.x"] }, [
    { id: 1, at: { x: 1 } },
    { id: 2 },
  ]],
  ["pick of null", { select: "/n", pick: ["id"] }, null],
  ["map", { map: (data: { id: number }) => data.id + 1 }, 8],
  ["map that takes its time", { map: (data: { id: number }) => Promise.resolve([data.id]) }, [7]],
  ["map to nothing", { map: () => undefined }, null],
  ["all of them, in this order", {
    select: "/list",
    pick: ["id"],
    map: (data: { id: number }[]) => data.map(({ id }) => id),
  }, [1, 2]],
];
for (const [name, part, expected] of SHAPES) {
  Deno.test(`shape: ${name}`, async () => {
    const { data, complete } = await shaped(part);
    assertEquals([data.it, complete], [expected, true]);
  });
}

const WRONG: readonly (readonly [string, Partial<Part>, string])[] = [
  ["select of nothing", { select: "/list/5" }, "the upstream's response has nothing at /list/5"],
  ["select of what is inherited", { select: "/constructor" }, "has nothing at /constructor"],
  ["pick of a number", { select: "/id", pick: ["x"] }, "has no members to pick"],
  ["map that throws", {
    map: () => {
      throw new Error("secret");
    },
  }, "the part's map failed"],
  ["map that rejects", { map: () => Promise.reject(new Error("secret")) }, "map failed"],
  ["map to what JSON has not", {
    map: () => {
      const circle: unknown[] = [];
      circle.push(circle);
      return circle;
    },
  }, "map failed"],
];
for (const [name, part, detail] of WRONG) {
  Deno.test(`shape: ${name} is the part's problem`, async () => {
    const { data, problems = [], errors } = await shaped(part);
    assertEquals([data.it, problems[0]?.status], [null, 502]);
    assertEquals(problems[0]?.type, "/_gateway/problems/upstream-invalid");
    assertStringIncludes(problems[0]?.detail ?? "", detail);
    assertEquals(JSON.stringify(problems).includes("secret"), false);
    assertEquals(errors.length, part.map ? 1 : 0, "the log is told of the config's mistake");
  });
}

Deno.test("shape: what map does to its data is seen nowhere else", async () => {
  let calls = 0;
  await using gateway = startGateway({
    upstreams: {
      up: {
        source: () => {
          calls++;
          return Promise.resolve(json({ list: [1] }));
        },
      },
    },
    routes: {
      "GET /": {
        gather: {
          raw: { from: "up" },
          mapped: {
            from: "up",
            needs: ["raw"],
            map(data: { list: number[] }, parts: { raw: { list: number[] } }) {
              data.list.push(2);
              parts.raw.list.push(3);
              return { ...data, ...parts };
            },
          },
          same: { from: "up", map: (data: { list: number[] }) => data.list.push(4) },
          after: { from: "up", path: "/{raw.list.0}", needs: ["mapped", "raw"], select: "/list" },
        },
      },
    },
  });
  const { data } = await readEnvelope(await ask(gateway.url));
  assertEquals(data, {
    raw: { list: [1] },
    mapped: { list: [1, 2], raw: { list: [1, 3] } },
    same: 2,
    after: [1],
  });
  assertEquals(calls, 3, "raw and same are one call");
});

Deno.test("shape: of an each it is done to every item", async () => {
  await using gateway = startGateway({
    upstreams: { up: { source: ({ path }) => Promise.resolve(json({ path, x: path.length })) } },
    routes: {
      "GET /": {
        gather: {
          it: {
            from: "up",
            path: "/{item}",
            each: "{query.id}",
            pick: ["path"],
            map({ path }: { path: string }) {
              if (path === "/2") throw new Error("no");
              return path;
            },
            optional: true,
          },
        },
      },
    },
  });
  const { data, problems } = await readEnvelope(await ask(`${gateway.url}/?id=1&id=2&id=3`));
  assertEquals(data.it, ["/1", null, "/3"]);
  assertEquals(problems?.map(({ index }) => index), [1]);
  assertEquals(gateway.errors.length, 1);
});
