import { assertEquals, assertThrows } from "@std/assert";
import { GatewayError } from "../../../lib/core/errors.ts";
import { pick, selectionOf } from "../../../lib/json/pick.ts";

const textPicked = (text: string, ...names: readonly string[]) =>
  new TextDecoder().decode(pick(new TextEncoder().encode(text), selectionOf(names)));
const picked = (value: unknown, ...names: readonly string[]): unknown =>
  JSON.parse(textPicked(JSON.stringify(value), ...names));

for (
  const { value, names, kept } of [
    { value: { a: 1, b: 2 }, names: ["a"], kept: { a: 1 } },
    { value: { a: 1 }, names: ["b"], kept: {} },
    { value: { a: null }, names: ["a"], kept: { a: null } },
    { value: null, names: ["a"], kept: null },
    { value: [], names: ["a"], kept: [] },
    { value: [{ a: 1, b: 2 }, {}, null], names: ["a"], kept: [{ a: 1 }, {}, null] },
    { value: [[{ a: 1, b: 2 }]], names: ["a"], kept: [[{ a: 1 }]] },
    { value: { a: { b: 1, c: 2 } }, names: ["a.b"], kept: { a: { b: 1 } } },
    { value: { a: [{ b: 1, c: 2 }, null] }, names: ["a.b"], kept: { a: [{ b: 1 }, null] } },
    { value: { a: null }, names: ["a.b.c"], kept: { a: null } },
    { value: {}, names: ["a.b"], kept: {} },
    { value: { a: { b: 1, c: 2, d: 3 } }, names: ["a.b", "a.c"], kept: { a: { b: 1, c: 2 } } },
    { value: { a: { b: 1, c: 2 } }, names: ["a.b", "a"], kept: { a: { b: 1, c: 2 } } },
    { value: { a: { b: 1, c: 2 } }, names: ["a", "a.b"], kept: { a: { b: 1, c: 2 } } },
    { value: { a: 1 }, names: ["a", "a"], kept: { a: 1 } },
    { value: { "": 1, a: 2 }, names: [""], kept: { "": 1 } },
  ]
) {
  Deno.test(`of ${JSON.stringify(value)} the members ${names} are ${JSON.stringify(kept)}`, () => {
    assertEquals(picked(value, ...names), kept);
  });
}

Deno.test("only an object's own members are picked, however they are called", () => {
  const names = ["constructor", "__proto__", "toString.x"];
  assertEquals(JSON.stringify(picked({}, ...names)), "{}");
  const text = '{"constructor":1,"__proto__":{"x":2},"toString":{"x":3}}';
  const kept = JSON.stringify(picked(JSON.parse(text.replace("}}", '},"y":4}')), ...names));
  assertEquals(kept, text);
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
