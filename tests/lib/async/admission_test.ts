import { assert, assertEquals, assertRejects } from "@std/assert";
import { Admission } from "../../../lib/async/admission.ts";

const { signal } = new AbortController();
const now = () => 0;

/** Lets a number of requests enter; their numbers appear in the list as they begin. */
function arrive(admission: Admission, count: number): readonly number[] {
  const begun: number[] = [];
  for (let request = 0; request < count; request++) {
    const place = admission.enter(signal);
    if (place) place.then(() => begun.push(request));
    else begun.push(request);
  }
  return begun;
}

/** Waits for a timer, which fires after those that were set before it. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("each turn begins as many requests as it has places, in the order of arrival", async () => {
  const admission = new Admission(now, 2);
  const begun = arrive(admission, 5);
  assertEquals(begun, [0, 1]);
  await nextTurn();
  assertEquals(begun, [0, 1, 2, 3]);
  await nextTurn();
  assertEquals(begun, [0, 1, 2, 3, 4]);
  await nextTurn();
});

Deno.test("a newcomer does not overtake the queue", async () => {
  const admission = new Admission(now, 1);
  const begun = arrive(admission, 2);
  const late: string[] = [];
  admission.enter(signal)?.then(() => late.push("late"));
  await nextTurn();
  assertEquals([begun.length, late.length], [2, 0]);
  await nextTurn();
  assertEquals(late, ["late"]);
  await nextTurn();
});

Deno.test("requests that never end do not hold up the others", async () => {
  const admission = new Admission(now, 1);
  for (let turn = 0; turn < 3; turn++) {
    assertEquals(admission.enter(signal), undefined);
    await nextTurn();
  }
});

Deno.test("a request that ends in its turn gives its place back", async () => {
  const admission = new Admission(now, 1);
  for (let request = 0; request < 10; request++) {
    assertEquals(admission.enter(signal), undefined);
    admission.leave(admission.turn);
  }
  await nextTurn();
});

Deno.test("a request that ends in a later turn gives nothing back", async () => {
  const admission = new Admission(now, 1);
  assertEquals(admission.enter(signal), undefined);
  const { turn } = admission;
  await nextTurn();
  assertEquals(admission.enter(signal), undefined);
  admission.leave(turn);
  assertEquals(arrive(admission, 1), []);
  await nextTurn();
  await nextTurn();
});

Deno.test("a request whose signal aborts leaves the queue, and takes no place", async () => {
  const admission = new Admission(now, 1);
  const client = new AbortController();
  arrive(admission, 1);
  const left = admission.enter(client.signal);
  const begun = arrive(admission, 1);
  client.abort(new Error("gone"));
  await assertRejects(() => left ?? Promise.resolve(), Error, "gone");
  assertEquals(admission.waiting, 1);
  await nextTurn();
  assertEquals(begun, [0]);
  await nextTurn();
});

Deno.test("an idle queue sets no timer", async () => {
  const admission = new Admission(now, 1);
  arrive(admission, 1);
  await nextTurn();
  const { turn } = admission;
  await nextTurn();
  assertEquals(admission.turn, turn);
});

Deno.test("disposing of it stops its timer", () => {
  using admission = new Admission(now, 1); // the sanitizer would find the timer
  arrive(admission, 1);
});

/** Lets turns pass; each takes so long, by the clock that the admission sees. */
async function pass(turns: number, clock: { now: number }, ms: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    clock.now += ms;
    await nextTurn();
  }
}

Deno.test("the lag is how long a newcomer waits: turns of the usual length for all who wait", async () => {
  const clock = { now: 0 };
  using admission = new Admission(() => clock.now, 2);
  assertEquals(admission.lagMs, 0);
  arrive(admission, 100);
  await pass(9, clock, 10);
  assertEquals(admission.waiting, 80);
  assertEquals(Math.round(admission.lagMs / 10), 41);
  await pass(40, clock, 10);
  assertEquals([admission.waiting, Math.round(admission.lagMs)], [0, 10]);
  await pass(2, clock, 10);
  assertEquals(Math.round(admission.lagMs), 10, "a moment later");
  clock.now += 20;
  assertEquals(admission.lagMs, 0, "idle");
});

Deno.test("requests that return their places shorten the queue's wait", async () => {
  const clock = { now: 0 };
  using admission = new Admission(() => clock.now, 1);
  arrive(admission, 1);
  await pass(1, clock, 4);
  for (let request = 0; request < 3; request++) {
    admission.enter(signal);
    admission.leave(admission.turn);
  }
  arrive(admission, 9);
  await pass(1, clock, 4);
  assertEquals([admission.waiting, admission.lagMs], [7, 2 * (1 + 7 / 4)]);
});

Deno.test("a single pause counts for nothing; slow turns, one after the other, do", async () => {
  const clock = { now: 0 };
  using admission = new Admission(() => clock.now, 1);
  arrive(admission, 30);
  await pass(10, clock, 2);
  await pass(1, clock, 1_000);
  await pass(1, clock, 2);
  assert(admission.lagMs / admission.waiting < 2.2);
  await pass(3, clock, 1_000);
  assert(admission.lagMs / admission.waiting > 500);
});

Deno.test("turns count where each request ends in its turn, and none queues", async () => {
  const clock = { now: 0 };
  using admission = new Admission(() => clock.now, 1);
  for (let turn = 0; turn < 9; turn++) {
    admission.enter(signal);
    admission.leave(admission.turn);
    await pass(1, clock, 200);
    clock.now += 5;
  }
  assert(admission.lagMs > 190);
  clock.now += 16;
  admission.enter(signal);
  assertEquals(admission.lagMs, 0, "after a pause");
});
