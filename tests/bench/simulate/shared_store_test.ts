import { assert, assertEquals } from "@std/assert";
import { SharedStore } from "../../../bench/simulate/shared_store.ts";
import { VirtualClock } from "../../../bench/simulate/virtual_clock.ts";
import type { BucketWrite } from "../../../lib/limiter/stores/bucket_store.ts";

function write(version: string | null, keepMs = 1_000): BucketWrite[] {
  return [{ key: "key", level: { units: 1, at: 0 }, version, lifetimeMs: keepMs }];
}

Deno.test("shared store: writes over what was read alone, and forgets in time", async () => {
  const clock = new VirtualClock();
  const store = new SharedStore(clock, Infinity);
  const version = await store.commit(write(null));
  assert(version !== undefined);
  assertEquals(await store.commit(write(null)), undefined);
  assertEquals(store.read(["key", "other"]).map((found) => found.version), [version, null]);
  assert(await store.commit(write(version, 10)) !== undefined);
  assertEquals([store.commits, store.conflicts, store.reads], [3, 1, 1]);
  await Promise.all([clock.sleep(10), clock.runUntil(() => false)]);
  assertEquals(store.read(["key"]), [{ level: undefined, version: null }]);
});

Deno.test("shared store: does one commit after the other, as fast as it can", async () => {
  const clock = new VirtualClock();
  const store = new SharedStore(clock, 100);
  const ends: number[] = [];
  for (let i = 0; i < 3; i++) store.commit(write(null)).then(() => ends.push(clock.monotonic()));
  await clock.runUntil(() => false);
  assertEquals(ends, [10, 20, 30]);
});
