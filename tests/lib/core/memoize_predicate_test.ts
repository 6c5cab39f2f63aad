import { assertEquals } from "@std/assert";
import { memoizePredicate } from "../../../lib/core/memoize_predicate.ts";

function start() {
  const asked: string[] = [];
  const it = memoizePredicate((text) => {
    asked.push(text);
    return text.startsWith("x");
  });
  return { it, asked };
}

Deno.test("a text is tested once, whatever the result", () => {
  const { it, asked } = start();
  assertEquals(["x", "a", "x", "a"].map(it), [true, false, true, false]);
  assertEquals(asked, ["x", "a"]);
});

Deno.test("a long text, and one after a thousand others, is tested each time", () => {
  const { it, asked } = start();
  const long = "x".repeat(65);
  assertEquals([it(long), it(long)], [true, true]);
  for (let count = 0; count < 1_000; count++) it(`a${count}`);
  assertEquals([it("x"), it("x"), it("a999")], [true, true, false]);
  assertEquals(asked.filter((text) => text.startsWith("x")), [long, long, "x", "x"]);
  assertEquals(asked.length, 1_004);
});
