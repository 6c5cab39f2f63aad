import { testGuard } from "../../support/test_guard.ts";
import { assertEquals } from "@std/assert";
import { type Purge, Purges } from "../../../lib/cache/purges.ts";
import { MemoryTier } from "../../../lib/cache/memory_tier.ts";
import { SharedPurges } from "../../../lib/cache/shared_purges.ts";
import { ManualClock } from "../../support/manual_clock.ts";

/** A process that tells of changes, and a store that can fail. */
function start() {
  const clock = new ManualClock();
  const told: string[][] = [];
  const lines: string[] = [];
  const store = {
    isLost: false,
    add(purges: readonly Purge[]) {
      if (store.isLost) return Promise.reject(new Error("lost"));
      told.push(purges.map(({ of }) => of));
      return Promise.resolve();
    },
    readNew: () => Promise.resolve([]),
  };
  const shared = new SharedPurges(store, {
    memory: new MemoryTier(1_000),
    purges: new Purges(),
    clock,
    guard: testGuard({ clock, log: (line) => lines.push(line) }),
  });
  const change = (name: string) =>
    shared.publishChange({ of: `url:${name}`, isSoft: false, at: clock.wall() });
  return { clock, store, told, lines, change };
}

Deno.test("changes are published in batches, the first at once", async () => {
  const { clock, told, change } = start();
  const all = Promise.all(["a", "b", "c"].map(change));
  await clock.advance(99);
  assertEquals(told, [["url:a"]]);
  await clock.advance(1);
  await all;
  assertEquals(told, [["url:a"], ["url:b", "url:c"]]);
  assertEquals(clock.sleeping, 0);
});

Deno.test("changes that could not be published are published with the next", async () => {
  const { clock, store, told, lines, change } = start();
  store.isLost = true;
  await change("a");
  await change("b");
  assertEquals([told, lines], [[], ["the store cannot be written: lost"]]);
  store.isLost = false;
  await clock.advance(1_000);
  await change("c");
  assertEquals(told, [["url:a", "url:b", "url:c"]]);
  assertEquals(clock.sleeping, 0);
});

Deno.test("of changes that cannot be published the last 10,000 are remembered", async () => {
  const { clock, store, told, change } = start();
  store.isLost = true;
  for (let i = 0; i < 10_100; i++) await change(`${i}`);
  store.isLost = false;
  await clock.advance(1_000);
  const last = change("last");
  await clock.advance(60_000);
  await last;
  assertEquals(told.flat().length, 10_001);
  assertEquals([told.flat()[0], told.flat().at(-1)], ["url:100", "url:last"]);
});
