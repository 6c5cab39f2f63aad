import { assertEquals } from "@std/assert";
import { follow, parsePointer } from "../../../lib/json/pointer.ts";

/** RFC 6901 section 5. */
const DOCUMENT = {
  "foo": ["bar", "baz"],
  "": 0,
  "a/b": 1,
  "c%d": 2,
  "e^f": 3,
  "g|h": 4,
  "i\\j": 5,
  'k"l': 6,
  " ": 7,
  "m~n": 8,
};

for (
  const [pointer, value] of [
    ["", DOCUMENT],
    ["/foo", ["bar", "baz"]],
    ["/foo/0", "bar"],
    ["/", 0],
    ["/a~1b", 1],
    ["/c%d", 2],
    ["/e^f", 3],
    ["/g|h", 4],
    ["/i\\j", 5],
    ['/k"l', 6],
    ["/ ", 7],
    ["/m~0n", 8],
  ] as const
) {
  Deno.test(`the pointer ${JSON.stringify(pointer)} leads where RFC 6901 says`, () => {
    assertEquals(follow(DOCUMENT, parsePointer(pointer) ?? ["?"]), value);
  });
}

for (
  const [pointer, keys] of [
    ["/~01", ["~1"]],
    ["/~10", ["/0"]],
    ["//", ["", ""]],
    ["/~0~1", ["~/"]],
  ] as const
) {
  Deno.test(`the pointer ${pointer} is read left to right`, () => {
    assertEquals(parsePointer(pointer), [...keys]);
  });
}

for (const text of ["a", "a/b", "/~", "/~2", "/a~/b", " /a", "#/a"]) {
  Deno.test(`${JSON.stringify(text)} is no pointer`, () => {
    assertEquals(parsePointer(text), undefined);
  });
}

Deno.test("keys lead nowhere but to what is there", () => {
  const value = { a: { b: [null, { c: false }] } };
  assertEquals(follow(value, ["a", "b", "1", "c"]), false);
  assertEquals(follow(value, ["a", "b", "0"]), null);
  for (
    const keys of [
      ["x"],
      ["a", "x", "y"],
      ["a", "b", "0", "x"],
      ["a", "b", "2"],
      ["a", "b", "-"],
      ["a", "b", "01"],
      ["a", "b", "-1"],
      ["a", "b", "1", "c", "x"],
      ["constructor"],
      ["__proto__"],
      ["a", "b", "map"],
    ]
  ) assertEquals(follow(value, keys), undefined, keys.join("/"));
  for (const scalar of [null, undefined, 1, "text", true]) {
    assertEquals(follow(scalar, ["length"]), undefined);
    assertEquals(follow(scalar, []), scalar);
  }
});

Deno.test("a key that every object has is found where the document has it", () => {
  const value = JSON.parse('{"__proto__":{"x":1},"constructor":2}');
  assertEquals(follow(value, ["__proto__", "x"]), 1);
  assertEquals(follow(value, ["constructor"]), 2);
});
