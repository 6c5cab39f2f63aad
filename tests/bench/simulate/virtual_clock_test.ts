import { assert, assertEquals, assertRejects } from "@std/assert";
import { ProcessClock } from "../../../bench/simulate/process_clock.ts";
import { VirtualClock } from "../../../bench/simulate/virtual_clock.ts";
import { property } from "../../support/random.ts";

property("virtual clock: timers ring in order, those set together in turn", 50, async (random) => {
  const clock = new VirtualClock();
  const rung: { at: number; index: number }[] = [];
  const due = random.list(0, 60, () => random.int(0, 20));
  for (const [index, at] of due.entries()) clock.at(at, () => rung.push({ at, index }));
  assertEquals(await clock.runUntil(() => false), false);
  const expected = due.map((at, index) => ({ at, index }));
  assertEquals(rung, expected.sort((a, b) => a.at - b.at || a.index - b.index));
});

Deno.test("virtual clock: what a timer causes has happened before the next one", async () => {
  const clock = new VirtualClock(1_000);
  const told: string[] = [];
  const chain = async () => {
    await clock.sleep(5.5);
    for (let i = 0; i < 200; i++) await null;
    told.push(`long after ${clock.monotonic()} at ${clock.wall()}`);
  };
  const next = async () => {
    await clock.sleep(5.6);
    told.push("next");
  };
  await Promise.all([chain(), next(), clock.runUntil(() => told.length === 2)]);
  assertEquals(told, ["long after 5.5 at 1005", "next"]);
});

Deno.test("virtual clock: a sleep that is ended does not move time", async () => {
  const clock = new VirtualClock();
  const ends = new AbortController();
  const slept = clock.sleep(1_000, ends.signal);
  clock.at(3, () => ends.abort(new Error("enough")));
  const [told] = await Promise.all([
    assertRejects(() => slept, Error, "enough"),
    clock.runUntil(() => false),
  ]);
  assertEquals(told.message, "enough");
  assertEquals(clock.monotonic(), 3);
  await assertRejects(() => clock.sleep(1, AbortSignal.abort(new Error("late"))), Error, "late");
});

Deno.test("virtual clock: stops when it is over, and goes on", async () => {
  const clock = new VirtualClock();
  let rung = 0;
  for (const at of [1, 2, 3]) clock.at(at, () => rung++);
  assert(await clock.runUntil(() => rung === 2));
  assertEquals([clock.monotonic(), rung], [2, 2]);
  await clock.runUntil(() => false);
  assertEquals(rung, 3);
});

Deno.test("process clock: only the wall clock is ahead", () => {
  const clock = new ProcessClock(new VirtualClock(1_000), 20);
  assertEquals([clock.wall(), clock.monotonic()], [1_020, 0]);
});
