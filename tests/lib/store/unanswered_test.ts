import { assertEquals, assertRejects } from "@std/assert";
import { Unanswered } from "../../../lib/store/unanswered.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";

/** How many calls a silent store has, and when they are late (ms). */
const MOST = 8;
const LATE_MS = 400;

/** Calls of a store that answers when the test says. */
function start() {
  const clock = new ManualClock();
  const unanswered = new Unanswered(clock);
  const calls: PromiseWithResolvers<string>[] = [];
  const ask = () =>
    unanswered.ask(() => {
      const call = Promise.withResolvers<string>();
      calls.push(call);
      return call.promise;
    });
  const askTimes = (times: number) => Array.from({ length: times }, ask);
  const refused = async () => {
    const before = calls.length;
    await assertRejects(ask, Error, "the store does not answer");
    assertEquals(calls.length, before, "it was called");
  };
  return { clock, calls, ask, askTimes, refused };
}

Deno.test("a store that answers is asked as often as anybody wants", async () => {
  const { clock, calls, askTimes } = start();
  for (let round = 0; round < 5; round++) {
    const asked = askTimes(100);
    await clock.advance(LATE_MS - 1);
    for (const { resolve } of calls.splice(0)) resolve("yes");
    assertEquals(new Set(await Promise.all(asked)), new Set(["yes"]));
  }
});

Deno.test("calls without an answer stay few, and are refused at once beyond that", async () => {
  const { clock, ask, askTimes, refused } = start();
  askTimes(MOST);
  await clock.advance(LATE_MS);
  ask(); // tries it
  await refused();
  await clock.advance(999);
  await refused();
});

Deno.test("calls that are many, but not late, are no silence", async () => {
  const { clock, calls, ask, askTimes } = start();
  askTimes(MOST - 1);
  await clock.advance(LATE_MS);
  askTimes(50);
  assertEquals(calls.length, MOST - 1 + 50);
  await clock.advance(LATE_MS - 1);
  ask();
  assertEquals(calls.length, MOST + 50);
});

Deno.test("a silent store is tried again, ever more rarely, once a minute at least", async () => {
  const { clock, calls, askTimes } = start();
  const asked = askTimes(MOST);
  await clock.advance(LATE_MS);
  const tries: number[] = [];
  for (let second = 0; second < 240; second++) {
    const before = calls.length;
    for (const call of askTimes(3)) call.catch(() => {});
    if (calls.length > before) tries.push(second);
    await clock.advance(1_000);
  }
  assertEquals(tries, [0, 1, 3, 7, 15, 31, 63, 123, 183]);
  assertEquals(asked.length, MOST);
});

for (const [what, settle] of [["answer", "resolve"], ["refusal", "reject"]] as const) {
  Deno.test(`one late ${what} says that the store is back`, async () => {
    const { clock, calls, ask, askTimes, refused } = start();
    for (const call of askTimes(MOST)) call.catch(() => {});
    await clock.advance(LATE_MS);
    ask();
    await refused();
    calls[3]?.[settle]("late");
    await settled();
    const before = calls.length;
    askTimes(20);
    assertEquals(calls.length, before + 20);
  });
}

Deno.test("after it was back, a store that falls silent again is tried as at first", async () => {
  const { clock, calls, ask, askTimes, refused } = start();
  for (let outage = 0; outage < 3; outage++) {
    askTimes(MOST);
    await clock.advance(LATE_MS);
    ask();
    await refused();
    await clock.advance(1_000);
    ask();
    await refused();
    calls.at(-1)?.resolve("back");
    await settled();
  }
});
