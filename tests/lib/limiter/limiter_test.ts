import { assert, assertEquals, assertLess, assertLessOrEqual, assertRejects } from "@std/assert";
import type { Clock } from "../../../lib/core/clock.ts";
import { wholeTokens } from "../../../lib/limiter/bucket.ts";
import { Limiter } from "../../../lib/limiter/limiter.ts";
import { MemoryStore } from "../../../lib/limiter/stores/memory_store.ts";
import {
  answer,
  asking,
  limit,
  outcomesOf,
  PLAIN,
  QUIET,
  start,
  times,
} from "../../support/limiting.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";

/** A clock whose wall time was set. */
function stepped(time: Clock, step: () => number): Clock {
  return {
    wall: () => time.wall() + step(),
    monotonic: () => time.monotonic(),
    sleep: (ms, signal) => time.sleep(ms, signal),
  };
}

Deno.test("concurrent requests for one bucket share a commit", async () => {
  const { clock, store, ask } = start();
  const asked = times(8, () => ask());
  await clock.advance(20);
  assertEquals(outcomesOf(asked), [...Array(5).fill("admitted"), ...Array(3).fill("denied")]);
  assertEquals([store.reads.length, store.commits.length], [1, 1]);
});

Deno.test("a bucket that was never seen is written without being read", async () => {
  const { clock, store, ask } = start();
  const asked = times(5, () => ask());
  await clock.advance(10);
  assertEquals(outcomesOf(asked), Array(5).fill("admitted"));
  assertEquals([store.reads.length, store.commits.length], [0, 1]);
});

Deno.test("a process that is alone never reads", async () => {
  const { clock, store, ask } = start();
  for (let i = 0; i < 5; i++) {
    const asked = ask();
    await clock.advance(10);
    assertEquals(asked.outcome, "admitted");
  }
  assertEquals([store.reads.length, store.commits.length], [0, 5]);
});

Deno.test("requests that arrive during a commit are decided together in the next", async () => {
  const { clock, store, ask } = start();
  const first = ask();
  await clock.advance(5);
  const later = times(4, () => ask());
  await clock.advance(15);
  assertEquals(outcomesOf([first, ...later]), Array(5).fill("admitted"));
  assertEquals(store.commits.length, 2);
});

Deno.test("different buckets that are due together share a commit", async () => {
  const { clock, store, ask } = start();
  const asked = times(50, (i) => ask({ key: `${i}` }));
  await clock.advance(10);
  assertEquals(outcomesOf(asked), Array(50).fill("admitted"));
  assertEquals(store.commits.map((keys) => keys.length), [50]);
});

Deno.test("no commit writes more buckets than the store takes", async () => {
  const { clock, store, ask } = start({ maxWrites: 10, concurrency: 2 });
  const asked = times(35, (i) => ask({ key: `${i}` }));
  await clock.advance(20);
  assertEquals(outcomesOf(asked), Array(35).fill("admitted"));
  assertEquals(store.commits.map((keys) => keys.length), [10, 10, 10, 5]);
});

Deno.test("concurrent commits are bounded by the store's concurrency", async () => {
  const { clock, store, ask } = start({ maxWrites: 1, concurrency: 3 });
  times(9, (i) => ask({ key: `${i}` }));
  await clock.advance(0);
  assertEquals(store.commits.length, 3);
  await clock.advance(30);
  assertEquals(store.commits.length, 9);
});

Deno.test("a bucket that was seen empty is denied without the store, for a second", async () => {
  const { clock, store, ask } = start();
  const taken = ask({ tokens: 5, of: limit({ periodMs: 60_000 }) });
  await clock.advance(10);
  assertEquals(taken.outcome, "admitted");
  const { asked } = store;
  const free = times(20, () => ask({ of: limit({ periodMs: 60_000 }) }));
  await settled();
  assertEquals(outcomesOf(free), Array(20).fill("denied"));
  await clock.advance(980);
  const last = ask({ of: limit({ periodMs: 60_000 }) });
  await settled();
  assertEquals([last.outcome, store.asked], ["denied", asked]);
  await clock.advance(10);
  const asking = ask({ of: limit({ periodMs: 60_000 }) });
  await clock.advance(10);
  assertEquals([asking.outcome, store.asked], ["denied", asked + 1]);
});

Deno.test("an operator's reset takes effect after a second", async () => {
  const { clock, store, ask } = start();
  const slow = limit({ periodMs: 60_000 });
  ask({ tokens: 5, of: slow });
  await clock.advance(10);
  const [{ version } = { version: null }] = await answer(clock, store.read(["key"]));
  const level = { units: slow.shape.capacity, at: clock.wall() };
  await answer(clock, store.commit([{ key: "key", level, version, lifetimeMs: 1_000_000 }]));
  await clock.advance(1_000);
  const asked = ask({ of: slow });
  await clock.advance(100);
  assertEquals(asked.outcome, "admitted");
});

Deno.test("a denial names the violated charges, and how long to wait", async () => {
  const { clock, limiter } = start();
  const two = limit({ name: "two", burst: 2 });
  const charges = [{ key: "a", limit: PLAIN, tokens: 1 }, { key: "b", limit: two, tokens: 2 }];
  const first = asking(limiter, charges, QUIET, Infinity, clock);
  await clock.advance(10);
  assertEquals(first.outcome, "admitted");
  const denied = await limiter.take(charges, { signal: QUIET, deadline: Infinity });
  assert(denied.outcome === "denied");
  assertEquals(denied.violated, charges.slice(1));
  assertEquals(denied.retryAfterMs, 1_990);
  assertEquals(
    denied.buckets.map(({ charge, level }) => wholeTokens(level, charge.limit.shape)),
    [4, 0],
  );
});

Deno.test("a denied request takes nothing from the limits that would have granted it", async () => {
  const { clock, limiter, store } = start();
  const two = limit({ name: "two", burst: 2 });
  for (let i = 0; i < 10; i++) {
    const charges = [{ key: "a", limit: PLAIN, tokens: 1 }, { key: "b", limit: two, tokens: 2 }];
    asking(limiter, charges, QUIET, Infinity, clock);
    await clock.advance(10);
  }
  const [a] = await answer(clock, store.read(["a"]));
  assertEquals(a?.level?.units, 4_000);
});

Deno.test("a request whose charges name one bucket twice pays twice", async () => {
  const { clock, limiter, store } = start();
  const charge = { key: "a", limit: PLAIN, tokens: 3 };
  const asked = asking(limiter, [charge, charge], QUIET, Infinity, clock);
  await clock.advance(10);
  const [a] = await answer(clock, store.read(["a"]));
  assertEquals([asked.outcome, a?.level?.units], ["denied", undefined]);
});

Deno.test("a process whose guess was wrong reads, and decides by the record", async () => {
  const { clock, store, ask, newLimiter } = start();
  ask({ tokens: 4 });
  await clock.advance(10);
  const other = newLimiter();
  const asked = [ask({ by: other }), ask({ by: other })];
  await clock.advance(100);
  assertEquals(outcomesOf(asked), ["admitted", "denied"]);
  assertEquals(store.reads, [["key"]]);
});

Deno.test("fewer buckets share a commit while other processes make them fail, more again later", async () => {
  const { clock, store, ask } = start({ maxWrites: 8, concurrency: 1 });
  const largest = async () => {
    const before = store.commits.length;
    times(8, (i) => ask({ key: `${i}` }));
    await clock.advance(1_000);
    return Math.max(...store.commits.slice(before).map((keys) => keys.length));
  };
  assertEquals(await largest(), 8);
  store.conflicts = 2;
  await largest();
  assertLess(await largest(), 8);
  for (let i = 0; i < 8; i++) await largest();
  assertEquals(await largest(), 8);
});

Deno.test("a transaction that always conflicts ends in a denial within two seconds", async () => {
  const { clock, store, ask } = start();
  store.conflicts = Infinity;
  const asked = ask();
  await clock.advance(2_000);
  assertEquals(asked.outcome, "denied");
  assertEquals(clock.sleeping, 0);
});

Deno.test("the number of buckets in memory is bounded, whatever the keys", async () => {
  const { clock, limiter, ask } = start({ maxBuckets: 10 });
  for (let i = 0; i < 100; i++) {
    times(5, (j) => ask({ key: `${i}/${j}` }));
    await clock.advance(20);
    assertLessOrEqual(limiter.size, 10);
  }
});

Deno.test("a bucket dropped from memory is as empty as before", async () => {
  const { clock, ask } = start({ maxBuckets: 1 });
  ask({ tokens: 5 });
  await clock.advance(10);
  ask({ key: "other" });
  await clock.advance(10);
  const asked = ask({ tokens: 2 });
  await clock.advance(100);
  assertEquals(asked.outcome, "denied");
});

Deno.test("a request waits for its tokens where its limit allows it", async () => {
  const { clock, ask } = start();
  const waiting = limit({ waitMs: 2_500 });
  ask({ tokens: 5, of: waiting });
  const asked = ask({ tokens: 2, of: waiting });
  await clock.advance(1_990);
  assertEquals(asked.outcome, "none");
  await clock.advance(100);
  assertEquals(asked.outcome, "admitted");
  assertEquals(clock.sleeping, 0);
});

Deno.test("a request whose tokens would be too late is denied at once", async () => {
  const { clock, ask } = start();
  const waiting = limit({ waitMs: 1_500 });
  ask({ tokens: 5, of: waiting });
  const asked = ask({ tokens: 2, of: waiting });
  await clock.advance(20);
  assertEquals(asked.outcome, "denied");
});

Deno.test("a request whose deadline is earlier is denied at once", async () => {
  const { clock, ask } = start();
  const waiting = limit({ waitMs: 60_000 });
  ask({ tokens: 5, of: waiting });
  const asked = ask({ tokens: 2, of: waiting, deadline: 1_900 });
  await clock.advance(20);
  assertEquals(asked.outcome, "denied");
});

Deno.test("no more requests wait for one bucket than its queue holds", async () => {
  const { clock, ask } = start();
  const waiting = limit({ waitMs: 60_000, queue: 3 });
  ask({ tokens: 5, of: waiting });
  const asked = times(5, () => ask({ of: waiting }));
  await clock.advance(20);
  assertEquals(outcomesOf(asked), ["none", "none", "none", "denied", "denied"]);
  await clock.advance(4_000);
  assertEquals(outcomesOf(asked).slice(0, 3), Array(3).fill("admitted"));
});

Deno.test("waiting requests are granted in order of arrival", async () => {
  const { clock, ask } = start();
  const waiting = limit({ waitMs: 60_000, queue: 9 });
  ask({ tokens: 5, of: waiting });
  await clock.advance(10);
  const large = ask({ tokens: 4, of: waiting });
  await clock.advance(10);
  const small = times(3, () => ask({ of: waiting }));
  await clock.advance(7_200);
  assertEquals(outcomesOf([large, ...small]), Array(4).fill("admitted"));
  const order = [large, ...small].map(({ at }) => Math.floor(at / 1_000));
  assertEquals(order, [4, 5, 6, 7]);
});

Deno.test("a small request does not overtake a large one that arrived with it", async () => {
  const { clock, ask } = start();
  const waiting = limit({ waitMs: 60_000 });
  ask({ tokens: 3, of: waiting });
  await clock.advance(10);
  const large = ask({ tokens: 4, of: waiting });
  const small = ask({ of: waiting });
  await clock.advance(10);
  assertEquals(outcomesOf([large, small]), ["none", "none"]);
  await clock.advance(4_000);
  assertEquals(outcomesOf([large, small]), ["admitted", "admitted"]);
  assertLess(large.at, small.at);
});

Deno.test("requests that arrive together are denied at once when waiting is useless", async () => {
  const { clock, ask } = start();
  const waiting = limit({ waitMs: 3_000 });
  ask({ tokens: 5, of: waiting });
  const asked = times(2, () => ask({ tokens: 2, of: waiting }));
  await clock.advance(20);
  assertEquals(outcomesOf(asked), ["none", "denied"]);
});

Deno.test("a request that leaves the wait queue lets the next be granted sooner", async () => {
  const { clock, ask } = start();
  const waiting = limit({ waitMs: 60_000 });
  ask({ tokens: 5, of: waiting });
  await clock.advance(10);
  const leave = new AbortController();
  const first = ask({ tokens: 5, of: waiting, signal: leave.signal });
  await clock.advance(10);
  const next = ask({ of: waiting });
  await clock.advance(1_480);
  leave.abort(new Error("left"));
  await clock.advance(20);
  assertEquals(outcomesOf([first, next]), ["left", "admitted"]);
  assertEquals(clock.sleeping, 0);
});

Deno.test("a request that is cancelled rejects with its signal's reason, and takes nothing", async () => {
  const { clock, store, ask } = start();
  const leave = new AbortController();
  const asked = ask({ tokens: 5, signal: leave.signal });
  await settled();
  leave.abort(new Error("left"));
  await assertRejects(() => asked.decision, Error, "left");
  await clock.advance(10);
  const next = ask({ tokens: 5 });
  await clock.advance(10);
  assertEquals(next.outcome, "admitted");
  assertEquals([store.reads.length, store.commits.length], [0, 2]);
});

Deno.test("a request that is cancelled already is not charged", async () => {
  const { clock, store, ask } = start();
  const asked = ask({ signal: AbortSignal.abort(new Error("left")) });
  await clock.advance(10);
  assertEquals([asked.outcome, store.asked], ["left", 0]);
});

Deno.test("refunded tokens can be taken again, once", async () => {
  const { clock, ask } = start();
  const taken = ask({ tokens: 5 });
  await clock.advance(10);
  const decision = await taken.decision;
  assert(decision.outcome === "admitted");
  decision.refund(() => true);
  decision.refund(() => true);
  const asked = times(6, () => ask());
  await clock.advance(30);
  assertEquals(outcomesOf(asked), [...Array(5).fill("admitted"), "denied"]);
});

Deno.test("a token is as old as the older of the two clocks says", async () => {
  const time = new ManualClock();
  let step = 0;
  const clock = stepped(time, () => step);
  const store = new MemoryStore(clock);
  const limiter = new Limiter({ store, clock, random: () => 0.5, maxBuckets: 100 });
  const charge = { key: "key", limit: PLAIN, tokens: 5 };
  const taken = await limiter.take([charge], { signal: QUIET, deadline: Infinity });
  assert(taken.outcome === "admitted");
  await time.advance(5_000);
  step = -3_600_000;
  taken.refund(() => true);
  const again = await limiter.take([charge], { signal: QUIET, deadline: Infinity });
  assertEquals(again.outcome, "denied");
});

Deno.test("a refund is as old as the wall clock says, also when that ran ahead", async () => {
  const time = new ManualClock();
  let step = 0;
  const clock = stepped(time, () => step);
  const store = new MemoryStore(clock);
  const limiter = new Limiter({ store, clock, random: () => 0.5, maxBuckets: 100 });
  const take = (tokens: number) =>
    limiter.take([{ key: "key", limit: PLAIN, tokens }], { signal: QUIET, deadline: Infinity });
  const taken = await take(5);
  assert(taken.outcome === "admitted");
  step = 2_000;
  assertEquals((await take(2)).outcome, "admitted");
  taken.refund(() => true);
  assertEquals((await take(4)).outcome, "denied");
  assertEquals((await take(3)).outcome, "admitted");
});

Deno.test("a denial by several limits has the longest wait", async () => {
  const { clock, limiter } = start();
  const slow = limit({ name: "slow", periodMs: 60_000 });
  const charges = [{ key: "a", limit: slow, tokens: 5 }, { key: "b", limit: PLAIN, tokens: 5 }];
  asking(limiter, charges, QUIET, Infinity, clock);
  await clock.advance(10);
  for (const asked of [charges, charges.toReversed()]) {
    const denied = await limiter.take(asked, { signal: QUIET, deadline: Infinity });
    assert(denied.outcome === "denied");
    assertEquals(denied.violated.length, 2);
    assertEquals(denied.retryAfterMs, 299_990);
  }
});

Deno.test("a long-lived signal retains nothing of its requests", async () => {
  const { clock, ask } = start();
  const { signal } = new AbortController();
  let listening = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (type: string, listener: EventListener) => {
    listening++;
    add(type, listener);
  };
  signal.removeEventListener = (type: string, listener: EventListener) => {
    listening--;
    remove(type, listener);
  };
  times(3, () => ask({ signal }));
  await settled();
  assertEquals(listening, 3);
  await clock.advance(10);
  assertEquals(listening, 0);
});
