import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { MapError } from "../../../lib/core/map_function.ts";
import { selectionOf } from "../../../lib/json/pick.ts";
import { shape, type ShapeOptions } from "../../../lib/policies/shape.ts";
import type { Call, Reply } from "../../../lib/core/source.ts";
import { testCall, testContext } from "../../support/context.ts";
import { settled } from "../../support/manual_clock.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const replyOf = (text: string): Reply => ({
  status: 201,
  headers: new Headers({ "x-upstream": "1" }),
  body: Body.of(bytesOf(text)),
});
const textOf = async ({ body }: Reply) => new TextDecoder().decode(await body.bytes(Infinity));

const shaped = (text: string, options: ShapeOptions, call: Partial<Call> = {}) =>
  shape(options)(() => Promise.resolve(replyOf(text)))(testCall(call), testContext());

const failureOf = (promise: Promise<Reply>) => assertRejects(() => promise, GatewayError);

for (
  const { answer, options, text } of [
    { answer: '{"a":{"b":[1,2]}}', options: { select: ["a", "b"] }, text: "[1,2]" },
    { answer: '{"a":null}', options: { select: ["a"] }, text: "null" },
    { answer: '{"a":1}', options: { select: [] }, text: '{"a":1}' },
    { answer: '\ufeff{"a":1,"b":2}', options: { pick: selectionOf(["a"]) }, text: '{"a":1}' },
    {
      answer: '{"x":[{"a":1,"b":2}]}',
      options: { select: ["x"], pick: selectionOf(["b"]) },
      text: '[{"b":2}]',
    },
    { answer: "", options: { pick: selectionOf(["a"]) }, text: "null" },
    { answer: "", options: { map: (data: unknown) => [data] }, text: "[null]" },
    { answer: "1", options: { map: () => undefined }, text: "null" },
    { answer: "1", options: { map: () => "" }, text: '""' },
    { answer: "1", options: { map: () => Promise.resolve("later") }, text: '"later"' },
    {
      answer: '{"x":{"a":1,"b":2}}',
      options: {
        select: ["x"],
        pick: selectionOf(["a"]),
        map: (data: unknown) => ({ data }),
      },
      text: '{"data":{"a":1}}',
    },
  ] satisfies readonly { answer: string; options: ShapeOptions; text: string }[]
) {
  Deno.test(`${answer} with ${Object.keys(options).join(", ")} is ${text}`, async () => {
    assertEquals(await textOf(await shaped(answer, options)), text);
  });
}

Deno.test("the rest of a response stays, and so does the shared response", async () => {
  const failures = [{ part: "a", error: new GatewayError("upstream-error", "no") }];
  const shared = { ...replyOf('{"a":1,"b":2}'), failures };
  const ask = shape({ pick: selectionOf(["a"]) })(() => Promise.resolve(shared));
  const reply = await ask(testCall(), testContext());
  assertEquals([reply.status, reply.headers.get("x-upstream")], [201, "1"]);
  assertStrictEquals(reply.failures, failures);
  assertEquals(await textOf(shared), '{"a":1,"b":2}');
});

Deno.test("only the map function receives the other parts", async () => {
  const script = new ScriptedSource();
  const seen: unknown[] = [];
  const map = (...args: unknown[]) => void seen.push(args);
  const parts = { profile: bytesOf('{"id":7}') };
  const reply = shape({ map })(script.source)(testCall({ path: "/x", parts }), testContext());
  await settled();
  assertEquals(script.at(0).call.path, "/x");
  assertEquals("parts" in script.at(0).call, false);
  script.at(0).answerJson([1]);
  await reply;
  assertEquals(seen, [[[1], { profile: { id: 7 } }]]);
  await shaped("2", { map });
  assertEquals(seen[1], [2, {}]);
});

Deno.test("a function may change what it is given", async () => {
  const shared = replyOf('{"a":1}');
  const parts = { profile: bytesOf('{"id":7}') };
  const map = (data: unknown, parts: Readonly<Record<string, unknown>>) => {
    Object.assign(Object(data), { a: 2 });
    Object.assign(Object(parts.profile), { id: 8 });
    return data;
  };
  for (let time = 0; time < 2; time++) {
    const ask = shape({ map })(() => Promise.resolve(shared));
    assertEquals(await textOf(await ask(testCall({ parts }), testContext())), '{"a":2}');
  }
  assertEquals(await shared.body.json(100), { a: 1 });
  assertEquals(parts, { profile: bytesOf('{"id":7}') });
});

for (
  const [answer, select, detail] of [
    ["{}", ["a"], "the upstream's response has nothing at /a"],
    ['{"a":1}', ["a", "b"], "the upstream's response has nothing at /a/b"],
    ["", ["a"], "the upstream's response has nothing at /a"],
    ["[]", ["0"], "the upstream's response has nothing at /0"],
    ["{}", ["__proto__"], "the upstream's response has nothing at /__proto__"],
  ] as const
) {
  Deno.test(`${answer} has nothing at ${select.join(" ")}`, async () => {
    const error = await failureOf(shaped(answer, { select }));
    assertEquals([error.kind, error.message], ["upstream-invalid", detail]);
  });
}

Deno.test("what has no members cannot have some picked", async () => {
  for (const answer of ["1", '"secret"', '["secret"]', '{"a":"secret"}']) {
    const error = await failureOf(shaped(answer, { pick: selectionOf(["a.b"]) }));
    assertEquals(error.kind, "upstream-invalid");
    assertEquals(error.message, "the upstream's response has no members to pick");
    assertInstanceOf(error.cause, TypeError);
  }
});

const FAILING: readonly (readonly [string, () => unknown])[] = [
  ["throws", () => {
    throw new TypeError("secret");
  }],
  ["rejects", () => Promise.reject(new TypeError("secret"))],
  ["throws what is no error", () => {
    throw "secret";
  }],
  ["goes round in a circle", () => {
    const circle: unknown[] = [];
    circle.push(circle);
    return circle;
  }],
];
for (const [what, map] of FAILING) {
  Deno.test(`a function that ${what} fails its part, and only the log says why`, async () => {
    const error = await failureOf(shaped("1", { map }));
    assertEquals(error.kind, "upstream-invalid");
    assertEquals(error.message, "the part's map failed on the upstream's response");
    assertInstanceOf(error.cause, MapError);
    assert(error.cause.cause !== undefined);
  });
}

Deno.test("a function that does not end is awaited only while its result is needed", async () => {
  const request = new AbortController();
  const ask = shape({ map: () => new Promise(() => {}) })(() => Promise.resolve(replyOf("1")));
  const reply = ask(testCall(), testContext({ signal: request.signal }));
  await settled();
  const late = new GatewayError("deadline-exceeded", "late");
  request.abort(late);
  assertStrictEquals(await failureOf(reply), late);
});

Deno.test("a failure before the response is passed on", async () => {
  const error = new GatewayError("upstream-error", "no");
  let isCalled = false;
  const ask = shape({ map: () => isCalled = true })(() => Promise.reject(error));
  assertStrictEquals(await failureOf(ask(testCall(), testContext())), error);
  assert(!isCalled);
});

Deno.test("the error names the missing place as the config writes it", async () => {
  const error = await failureOf(shaped("{}", { select: ["a/b", "c~d"] }));
  assertEquals(error.message, "the upstream's response has nothing at /a~1b/c~0d");
});
