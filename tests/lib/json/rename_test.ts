import { assertEquals } from "@std/assert";
import { rename, renamingOf } from "../../../lib/json/rename.ts";

for (
  const [document, names, expected] of [
    [
      ' {"id": 9007199254740993, "a": 1e400, "b": 10.10 } ',
      { a: "c", id: "key" },
      '{"key":9007199254740993,"c":1e400,"b":10.10}',
    ],
    ['[{"a":1},[{"a":2}],3,null,{}]', { a: "b" }, '[{"b":1},[{"b":2}],3,null,{}]'],
    [
      '{"x":{"a":1,"n":[{"a":2}]}}',
      { "x.a": "b", "x.n.a": "c", x: "y" },
      '{"y":{"b":1,"n":[{"c":2}]}}',
    ],
    // Two swap their names; a member that has the new name of another is left out.
    ['{"a":1,"b":2}', { a: "b", b: "a" }, '{"b":1,"a":2}'],
    ['{"b":2,"a":1}', { a: "b" }, '{"b":1}'],
    ['{"b":2}', { a: "b" }, '{"b":2}'],
    ['{"\\u0061":1}', { a: 'q"' }, '{"q\\"":1}'],
    ['"text"', { a: "b" }, '"text"'],
    ["null", { a: "b" }, "null"],
    ['{"a":1}', { a: "long".repeat(50) }, `{"${"long".repeat(50)}":1}`],
  ] as const
) {
  Deno.test(`rename: ${document.slice(0, 60)} with ${JSON.stringify(names).slice(0, 60)}`, () => {
    const bytes = new TextEncoder().encode(document);
    assertEquals(new TextDecoder().decode(rename(bytes, renamingOf(names))), expected);
  });
}
