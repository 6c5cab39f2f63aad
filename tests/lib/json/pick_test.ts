import { assertEquals, assertThrows } from "@std/assert";
import { GatewayError } from "../../../lib/core/errors.ts";
import { pick, selectionOf } from "../../../lib/json/pick.ts";

const textPicked = (text: string, ...names: readonly string[]) =>
  new TextDecoder().decode(pick(new TextEncoder().encode(text), selectionOf(names)));
const picked = (value: unknown, ...names: readonly string[]): unknown =>
  JSON.parse(textPicked(JSON.stringify(value), ...names));

for (
  const { value, names, expected } of [
    { value: { a: 1, b: 2 }, names: ["a"], expected: { a: 1 } },
    { value: { a: 1 }, names: ["b"], expected: {} },
    { value: { a: null }, names: ["a"], expected: { a: null } },
    { value: null, names: ["a"], expected: null },
    { value: [], names: ["a"], expected: [] },
    { value: [{ a: 1, b: 2 }, {}, null], names: ["a"], expected: [{ a: 1 }, {}, null] },
    { value: [[{ a: 1, b: 2 }]], names: ["a"], expected: [[{ a: 1 }]] },
    { value: { a: { b: 1, c: 2 } }, names: ["a.b"], expected: { a: { b: 1 } } },
    { value: { a: [{ b: 1, c: 2 }, null] }, names: ["a.b"], expected: { a: [{ b: 1 }, null] } },
    { value: { a: null }, names: ["a.b.c"], expected: { a: null } },
    { value: {}, names: ["a.b"], expected: {} },
    { value: { a: { b: 1, c: 2, d: 3 } }, names: ["a.b", "a.c"], expected: { a: { b: 1, c: 2 } } },
    { value: { a: { b: 1, c: 2 } }, names: ["a.b", "a"], expected: { a: { b: 1, c: 2 } } },
    { value: { a: { b: 1, c: 2 } }, names: ["a", "a.b"], expected: { a: { b: 1, c: 2 } } },
    { value: { a: 1 }, names: ["a", "a"], expected: { a: 1 } },
    { value: { "": 1, a: 2 }, names: [""], expected: { "": 1 } },
  ]
) {
  Deno.test(`of ${JSON.stringify(value)} the members ${names} are ${JSON.stringify(expected)}`, () => {
    assertEquals(picked(value, ...names), expected);
  });
}

Deno.test("only an object's own members are picked, however they are called", () => {
  const names = ["constructor", "__proto__", "toString.x"];
  assertEquals(JSON.stringify(picked({}, ...names)), "{}");
  const text = '{"constructor":1,"__proto__":{"x":2},"toString":{"x":3}}';
  const expected = JSON.stringify(picked(JSON.parse(text.replace("}}", '},"y":4}')), ...names));
  assertEquals(expected, text);
});

for (const value of [1, "text", true, [1], { a: 2 }, { a: ["x"] }]) {
  Deno.test(`${JSON.stringify(value)} has nothing to pick a.b from`, () => {
    assertThrows(() => picked(value, "a.b"), GatewayError, "has no members");
  });
}

Deno.test("lists within lists without end are the upstream's fault", () => {
  const listsOf = (count: number) => JSON.parse(`${"[".repeat(count)}{"a":1}${"]".repeat(count)}`);
  assertEquals(picked(listsOf(100), "a"), listsOf(100));
  for (const count of [101, 20_000]) {
    assertThrows(() => picked(listsOf(count), "a"), GatewayError, "more than 100 lists");
  }
});

Deno.test("pick does not change its input", () => {
  const value = { a: { b: 1, c: 2 }, d: 3 };
  picked(value, "a.b");
  assertEquals(value, { a: { b: 1, c: 2 }, d: 3 });
});
