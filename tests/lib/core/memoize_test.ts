import { assertEquals } from "@std/assert";
import { memoize } from "../../../lib/core/memoize.ts";

function start(most: number) {
  const asked: string[] = [];
  const it = memoize((text) => {
    asked.push(text);
    return text.toUpperCase();
  }, most);
  return { it, asked };
}

Deno.test("what was made once is not made again, even when it is empty", () => {
  const { it, asked } = start(2);
  assertEquals(["a", "", "a", ""].map(it), ["A", "", "A", ""]);
  assertEquals(asked, ["a", ""]);
});

Deno.test("of more than are remembered the one that came least lately is made again", () => {
  const { it, asked } = start(2);
  ["a", "b", "a", "c", "a", "b"].forEach(it);
  assertEquals(asked, ["a", "b", "c", "b"]);
});

Deno.test("a long text is made each time", () => {
  const { it, asked } = start(2);
  assertEquals([it("x".repeat(257)), it("x".repeat(257))], Array(2).fill("X".repeat(257)));
  assertEquals(asked.length, 2);
});
