import { assertEquals } from "@std/assert";
import { LruCache } from "../../../lib/core/lru_cache.ts";
import { Random } from "../../support/random.ts";

Deno.test("property: it behaves like a list that is searched", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new Random(seed);
    const bounds = { maxEntries: random.int(1, 6), maxSize: random.int(5, 30) };
    const removed = { ours: [] as number[], theirs: [] as number[] };
    const cache = new LruCache<number, number>({
      ...bounds,
      sizeOf: (value) => value,
      onRemoved: (key) => removed.ours.push(key),
    });
    /** The most recently used first. */
    let list: [key: number, value: number][] = [];
    const remove = (key: number) => {
      if (list.some(([listed]) => listed === key)) removed.theirs.push(key);
      list = list.filter(([listed]) => listed !== key);
    };
    const total = () => list.reduce((sum, [, value]) => sum + value, 0);
    for (let step = 0; step < 200; step++) {
      const [key, value] = [random.int(0, 8), random.int(0, 12)];
      const listed = list.find(([listed]) => listed === key);
      const act = random.pick(["get", "get", "set", "set", "set", "delete", "peek", "clear"]);
      if (act === "get") {
        assertEquals(cache.get(key), listed?.[1]);
        if (listed) list = [listed, ...list.filter((other) => other !== listed)];
      } else if (act === "peek") {
        assertEquals([cache.peek(key), cache.has(key)], [listed?.[1], listed !== undefined]);
      } else if (act === "delete") {
        cache.delete(key);
        remove(key);
      } else if (act === "set") {
        cache.set(key, value);
        if (value > bounds.maxSize) remove(key);
        else {
          list = [[key, value], ...list.filter(([other]) => other !== key)];
          while (list.length > bounds.maxEntries || total() > bounds.maxSize) {
            remove(list.at(-1)?.[0] ?? NaN);
          }
        }
      } else if (random.bool(0.1)) {
        cache.clear();
        for (const [key] of [...list]) remove(key);
        removed.ours.sort();
        removed.theirs.sort();
      }
      assertEquals([...cache.entries()], list);
      assertEquals([cache.size, cache.totalSize], [list.length, total()]);
      assertEquals(removed.ours, removed.theirs);
    }
  }
});
