import { assert, assertEquals } from "@std/assert";
import type { Part } from "../../lib/config/part.ts";
import { GatewayError } from "../../lib/mod.ts";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { startGatedUpstream } from "../support/gated_upstream.ts";
import { gatewayFor } from "../support/gateway.ts";
import { until } from "../support/program.ts";
import { RecordReader, STREAMS } from "../support/records.ts";
import { startUpstream } from "../support/upstream.ts";

const SECRET = "s3cr3t-of-the-map";

/** What a part makes of an upstream's response; the detail of its problem when it cannot. */
async function shaped(answer: string, part: Partial<Part<"up">>): Promise<unknown> {
  await using upstream = startUpstream(() => new Response(answer === "" ? null : answer));
  await using gateway = gatewayFor({
    upstream: upstream.url,
    gather: { it: { from: "up", optional: true, ...part } },
  });
  const { data, problems = [] } = await readEnvelope(await ask(gateway.url));
  assertEquals(gateway.errors, []);
  const [problem] = problems;
  if (!problem) return data.it;
  assertEquals([data.it, problem.status], [null, 502]);
  assertEquals(problem.type, "/_gateway/problems/upstream-invalid");
  return new GatewayError("upstream-invalid", problem.detail).message;
}

const KEYS = '{"":{"":1},"a/b":2,"m~n":3,"~1":4,"x y":{"0":5},"list":[6,[7]],"é":8,"__proto__":9}';

const POINTERS: readonly (readonly [pointer: string, found: unknown])[] = [
  ["/", { "": 1 }],
  ["//", 1],
  ["/a~1b", 2],
  ["/m~0n", 3],
  ["/~01", 4],
  ["/x y/0", 5],
  ["/list/0", 6],
  ["/list/1/0", 7],
  ["/é", 8],
  ["/__proto__", 9],
];
Deno.test("select follows a pointer to what is there, whatever its keys", async () => {
  for (const [select, found] of POINTERS) {
    assertEquals(await shaped(KEYS, { select }), found, select);
  }
});

Deno.test("select of what is not there is the upstream's fault, and names it", async () => {
  const missing = ["/a", "/a/b", "/list/2", "/list/-", "/list/-1", "/list/01", "/list/length"];
  for (const select of [...missing, "/toString", "/a~1b/0", "/é/é"]) {
    const detail = await shaped(KEYS, { select });
    assert(String(detail).startsWith("the upstream's response has nothing at /"), `${select}`);
  }
  assertEquals(await shaped("", { select: "/a" }), "the upstream's response has nothing at /a");
});

const PICKS: readonly (readonly [answer: string, pick: readonly string[], expected: unknown])[] = [
  ['{"a":1,"b":2}', ["b", "c"], { b: 2 }],
  ['[{"a":1,"b":2},{"b":null},{}]', ["b"], [{ b: 2 }, { b: null }, {}]],
  ['{"at":[{"x":1,"y":2},null,{"y":3}]}', ["at.x"], { at: [{ x: 1 }, null, {}] }],
  ['{"at":null}', ["at.x"], { at: null }],
  ['[[{"a":1,"b":2}]]', ["a"], [[{ a: 1 }]]],
  ['{"a":{"b":{"c":1,"d":2},"e":3}}', ["a.b.c", "a.e"], { a: { b: { c: 1 }, e: 3 } }],
  ["{}", ["toString", "constructor.name"], {}],
  ["null", ["a"], null],
  ["", ["a"], null],
  ["[]", ["a.b"], []],
  ["7", ["a"], "the upstream's response has no members to pick"],
  ['"text"', ["length"], "the upstream's response has no members to pick"],
  ["[1]", ["a"], "the upstream's response has no members to pick"],
  ['{"at":"here"}', ["at.x"], "the upstream's response has no members to pick"],
];
Deno.test("pick selects members of objects and of lists of objects, and fails for anything else", async () => {
  for (const [answer, pick, expected] of PICKS) {
    assertEquals(await shaped(answer, { pick }), expected, answer);
  }
  const own: unknown = JSON.parse('{"__proto__":1}');
  assertEquals(await shaped('{"__proto__":1,"x":2}', { pick: ["__proto__"] }), own);
});

Deno.test("map may be sync or async, and return any JSON value", async () => {
  const maps: readonly (readonly [map: () => unknown, data: unknown])[] = [
    [() => 1, 1],
    [() => Promise.resolve({ a: [1] }), { a: [1] }],
    [() => undefined, null],
    [() => Promise.resolve(undefined), null],
    [() => () => 1, null],
    [() => Symbol("a"), null],
    [() => NaN, null],
    [() => new Date(0), "1970-01-01T00:00:00.000Z"],
    [() => ({ a: undefined, b: 1 }), { b: 1 }],
    [() => "\u2028\n", "\u2028\n"],
    [() => ({ toJSON: () => undefined }), null],
  ];
  for (const [map, data] of maps) assertEquals(await shaped("{}", { map }), data, `${map}`);
});

/** How a map can fail, each naming what no client may read. */
const MISTAKES: Readonly<Record<string, () => unknown>> = {
  "throws an error": () => {
    throw new Error(SECRET);
  },
  "throws a text": () => {
    throw SECRET;
  },
  "throws what a source may": () => {
    throw new GatewayError("bad-request", SECRET);
  },
  "rejects": () => Promise.reject(new TypeError(SECRET)),
  "rejects as if it were cancelled": () => Promise.reject(new DOMException(SECRET, "AbortError")),
  "gives a circle": () => {
    const circle: Record<string, unknown> = {};
    return circle[SECRET] = circle, circle;
  },
  "gives what throws when it is read": () => ({
    get [SECRET]() {
      throw new Error(SECRET);
    },
  }),
  "calls itself without end": function again(): unknown {
    return again();
  },
};
for (const [does, map] of Object.entries(MISTAKES)) {
  Deno.test(`a map that ${does} is its part's problem, which the log alone explains`, async () => {
    await using upstream = startUpstream(() => Response.json({}));
    await using optional = gatewayFor({
      upstream: upstream.url,
      gather: {
        it: { from: "up", map, otherwise: "x" },
        other: { from: "up", path: "/other" },
      },
    });
    const response = await ask(optional.url);
    const { data, problems } = await readEnvelope(response, { hidden: [SECRET] });
    assertEquals(data, { it: "x", other: {} });
    assertEquals(problems?.map(({ part, status, detail }) => [part, status, detail]), [
      ["it", 502, "the part's map failed on the upstream's response"],
    ]);
    assertEquals(optional.errors.length, 1);

    await using required = gatewayFor({
      upstream: upstream.url,
      gather: { it: { from: "up", map } },
    });
    const failed = await ask(required.url);
    await readProblem(failed, { status: 502, kind: "upstream-invalid", hidden: [SECRET] });
    assertEquals(required.errors.length, 1);
    const received = required.errors.map((error) => error instanceof Error ? error.message : error);
    if (/throws an?|rejects/.test(does)) assertEquals(received, [SECRET]);

    for (const accept of STREAMS) {
      const before = optional.errors.length;
      const records = new RecordReader(await ask(optional.url, { headers: { accept } }));
      const text = JSON.stringify(await records.rest());
      assert(text.includes("upstream-invalid") && !text.includes(SECRET), text);
      await until(() => optional.errors.length > before, "the log is told");
    }
  });
}

Deno.test("a map that never returns is abandoned at the deadline", async () => {
  await using upstream = startUpstream(() => Response.json({}));
  const late = Promise.withResolvers<void>();
  await using gateway = gatewayFor({
    upstream: upstream.url,
    deadline: "80ms",
    gather: {
      it: { from: "up", map: () => late.promise, otherwise: "x" },
      ok: { from: "up", path: "/ok" },
    },
  });
  const { data, problems } = await readEnvelope(await ask(gateway.url));
  assertEquals([data, problems?.map(({ status }) => status)], [{ it: "x", ok: {} }, [504]]);
  late.reject(new Error(SECRET));
  const health = await ask(`${gateway.url}/_gateway/health/live`);
  assertEquals(health.status, 200);
  await health.body?.cancel();
  assertEquals(gateway.errors, []);
});

Deno.test("a client that leaves does not wait for a map", async () => {
  await using upstream = startUpstream(() => Response.json({}));
  const begun = Promise.withResolvers<void>();
  await using gateway = gatewayFor({
    upstream: upstream.url,
    gather: {
      it: {
        from: "up",
        map() {
          begun.resolve();
          return new Promise(() => {});
        },
      },
    },
  });
  const client = new AbortController();
  const leaving = ask(gateway.url, { signal: client.signal }).catch(() => "left");
  await begun.promise;
  client.abort();
  assertEquals(await leaving, "left");
  await until(() => gateway.log.length === 1, "the log has the request");
  assertEquals([gateway.log[0]?.problem, gateway.errors], ["cancelled", []]);
});

interface Numbers {
  readonly list: number[];
}

Deno.test("a map's changes do not affect others that share the response", async () => {
  await using upstream = startGatedUpstream(() => Response.json({ list: [0] }), ["/"]);
  const seen: number[][] = [];
  const change = ({ list }: Numbers) => {
    seen.push([...list]);
    list.push(1);
    Object.freeze(list);
    return list;
  };
  await using gateway = gatewayFor({
    upstream: upstream.url,
    gather: {
      one: { from: "up", map: change },
      two: { from: "up", map: change },
      raw: { from: "up" },
      picked: { from: "up", pick: ["list"] },
    },
  });
  const asking = Array.from({ length: 5 }, () => ask(gateway.url));
  await upstream.asked(1);
  await until(() => gateway.arrived === 5, "all have asked");
  upstream.open("/");
  for (const response of await Promise.all(asking)) {
    const { data } = await readEnvelope(response);
    assertEquals(data, {
      one: [0, 1],
      two: [0, 1],
      raw: { list: [0] },
      picked: { list: [0] },
    });
  }
  assertEquals(seen, Array(10).fill([0]));
  assert(upstream.requests.length < 20, "they shared");
});

Deno.test("a map receives the parts that its part needs, as they are in the response", async () => {
  const received: string[][] = [];
  await using upstream = startUpstream(({ url }) => Response.json({ path: new URL(url).pathname }));
  await using gateway = gatewayFor({
    upstream: upstream.url,
    gather: {
      list: { from: "up", path: "/list", map: () => [1, 2] },
      used: { from: "up", path: "/used", select: "/path" },
      unused: { from: "up", path: "/unused" },
      it: {
        from: "up",
        path: "/{item}/{used}",
        each: "{list}",
        needs: ["used"],
        map({ path }: { readonly path: string }, parts: Readonly<Record<string, unknown>>) {
          received.push(Object.keys(parts).toSorted());
          assert(Array.isArray(parts.list));
          parts.list.push(3);
          return [path, parts.used];
        },
      },
      after: {
        from: "up",
        path: "/after",
        needs: ["it"],
        map: (_data: unknown, parts: Readonly<Record<string, unknown>>) => parts,
      },
    },
  });
  const { data } = await readEnvelope(await ask(gateway.url));
  const it = [["/1/%2Fused", "/used"], ["/2/%2Fused", "/used"]];
  assertEquals([data.it, data.list, data.after], [it, [1, 2], { it }]);
  assertEquals(received, [["list", "used"], ["list", "used"]]);
});

Deno.test("what an each selects is selected of every item, and its pointer followed in the list", async () => {
  await using upstream = startUpstream(({ url }) => {
    const { pathname } = new URL(url);
    if (pathname === "/list") return Response.json({ page: { rows: [{ id: 1 }, { id: 2 }] } });
    return Response.json(pathname === "/1" ? { deep: [{ x: 1, y: 2 }] } : { deep: [] });
  });
  await using gateway = gatewayFor({
    upstream: upstream.url,
    gather: {
      list: { from: "up", path: "/list", select: "/page/rows" },
      it: {
        from: "up",
        path: "/{item.id}",
        each: "{list}",
        select: "/deep/0",
        pick: ["x"],
        optional: true,
      },
    },
  });
  const { data, problems } = await readEnvelope(await ask(gateway.url));
  assertEquals(data, { list: [{ id: 1 }, { id: 2 }], it: [{ x: 1 }, null] });
  assertEquals(problems?.map(({ part, index, detail }) => [part, index, detail]), [
    ["it", 1, "the upstream's response has nothing at /deep/0"],
  ]);
});

Deno.test("what failed, or was refused, is not shaped", async () => {
  let calls = 0;
  const map = () => calls++;
  await using upstream = startUpstream(({ url }) =>
    new Response("{", { status: url.endsWith("/no") ? 404 : 200 })
  );
  await using gateway = gatewayFor({
    upstream: upstream.url,
    gather: {
      broken: { from: "up", path: "/broken", map, optional: true },
      no: { from: "up", path: "/no", map, select: "/x", optional: true },
    },
  });
  const { problems = [] } = await readEnvelope(await ask(gateway.url));
  assertEquals(problems.map(({ status }) => status).toSorted(), [404, 502]);
  assertEquals(calls, 0);
});

Deno.test("a text is what a map is given of a part that takes text", async () => {
  const map = (text: unknown) => [text, typeof text];
  assertEquals(await shaped('\ufeff{"a"', { as: "text", map }), ['{"a"', "string"]);
  assertEquals(await shaped("", { as: "text", map }), [null, "object"]);
});
