import { assertEquals, assertRejects } from "@std/assert";
import { leftAlone } from "../../../lib/store/left_alone.ts";
import { StoreTimeout } from "../../../lib/store/store_timeout.ts";
import { StoreWatch } from "../../../lib/store/store_watch.ts";
import { ManualClock } from "../../support/manual_clock.ts";

/** A store that a test breaks, and the watch over it. */
function watched() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const store = { reads: 0, writes: 0, isFull: false, hangs: false, file: "" };
  const hanging = () => new Promise<never>(() => {});
  const watch = new StoreWatch({
    clock,
    read: () => Promise.resolve(++store.reads),
    write: () => {
      store.writes++;
      if (store.hangs) return hanging();
      return store.isFull ? Promise.reject(new Error("disk is full")) : Promise.resolve();
    },
    file: () => Promise.resolve(store.file || undefined),
    log: (line) => lines.push(line),
  });
  return { clock, lines, store, watch };
}

Deno.test("a store in health is read each time, and written now and then", async () => {
  const { clock, store, watch, lines } = watched();
  for (let i = 0; i < 100; i++) {
    assertEquals(await watch.check(), undefined);
    await clock.advance(100);
  }
  assertEquals([store.reads, store.writes], [100, 2]);
  assertEquals(lines, []);
});

Deno.test("a store that cannot be written is told once, and tried each second until it is back", async () => {
  const { clock, store, watch, lines } = watched();
  store.isFull = true;
  const trouble = { reason: "the store cannot be written", isUnreadable: false };
  for (let i = 0; i < 100; i++) {
    assertEquals(await watch.check(), trouble);
    await clock.advance(100);
  }
  assertEquals(store.writes, 10);
  store.isFull = false;
  await clock.advance(1_000);
  assertEquals(await watch.check(), undefined);
  assertEquals(lines, ["the store cannot be written: disk is full", "the store is back"]);
});

Deno.test("a write that hangs is waited for within its time, and no other is sent", async () => {
  const { clock, store, watch } = watched();
  store.hangs = true;
  for (let i = 0; i < 5; i++) {
    const checked = watch.check();
    await clock.advance(1_000);
    assertEquals((await checked)?.reason, "the store cannot be written");
  }
  assertEquals(store.writes, 1);
});

Deno.test("a store that does not answer is left alone, and one that refuses is not", async () => {
  const { clock, store, watch } = watched();
  const kv = await Deno.openKv(":memory:");
  const spared = leftAlone(kv, watch);
  try {
    watch.failed(new Error("disk is full"));
    assertEquals((await spared.get(["a"])).value, null);
    watch.recovered();
    watch.failed(new StoreTimeout(300));
    await assertRejects(async () => await spared.get(["a"]), Error, "left alone");
    assertEquals(watch.isSilent, true);
    await watch.check();
    assertEquals([watch.isSilent, store.writes], [false, 1]);
    assertEquals((await spared.atomic().set(["a"], 1).commit()).ok, true);
    await clock.advance(10_000);
    store.hangs = true;
    const checked = watch.check();
    await clock.advance(500);
    await checked;
    await watch.check();
    assertEquals(watch.isSilent, true, "as long as nothing else is known");
  } finally {
    kv.close();
  }
});

Deno.test("whoever's call failed is believed until the store was tried", async () => {
  const { clock, store, watch, lines } = watched();
  const stopping = new AbortController();
  const following = watch.follow(stopping.signal);
  assertEquals(await watch.check(), undefined);
  watch.failed(new Error("too slow"));
  watch.failed(new Error("too slow"));
  assertEquals(store.writes, 1);
  await clock.advance(1_000);
  assertEquals(store.writes, 2, "without anybody asking");
  store.file = "the file is gone";
  await clock.advance(1_000);
  assertEquals(await watch.check(), { reason: "the file is gone", isUnreadable: false });
  watch.failed(new Error("too slow"));
  store.file = "";
  await clock.advance(1_000);
  assertEquals(lines, [
    "the store cannot be used: too slow",
    "the store is back",
    "the file is gone",
    "the store is back",
  ]);
  stopping.abort();
  await following;
});
