import { assertEquals } from "@std/assert";
import { ExpiringKeys } from "../../../lib/cache/expiring_keys.ts";

function setUp(most: number) {
  let now = 0;
  const keys = new ExpiringKeys(most, 1_000, () => now);
  return { keys, advance: (ms: number) => now += ms };
}

Deno.test("a key counts for its lifetime", () => {
  const { keys, advance } = setUp(10);
  keys.add("a");
  advance(999);
  assertEquals([keys.has("a"), keys.has("b")], [true, false]);
  advance(1);
  assertEquals(keys.has("a"), false);
});

Deno.test("a key that is added again counts from then", () => {
  const { keys, advance } = setUp(4);
  keys.add("a");
  keys.add("b");
  advance(600);
  keys.add("a");
  advance(600);
  assertEquals([keys.has("a"), keys.has("b")], [true, false]);
});

Deno.test("a removed key is gone, wherever it was", () => {
  const { keys } = setUp(4);
  for (const key of ["a", "b", "a"]) keys.add(key);
  keys.delete("a");
  assertEquals([keys.has("a"), keys.has("b")], [false, true]);
});

Deno.test("at least half of the bound, and at most all of it, are remembered", () => {
  const { keys } = setUp(100);
  for (let added = 1; added <= 1_000; added++) {
    keys.add(String(added));
    const known = Array.from({ length: added }, (_, index) => keys.has(String(index + 1)));
    const count = known.filter((isKnown) => isKnown).length;
    assertEquals(count >= Math.min(added, 50) && count <= 100, true, `${count} of ${added}`);
    assertEquals(keys.has(String(added)), true);
  }
});
