import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Semaphore } from "../../../lib/async/semaphore.ts";
import { countListeners } from "../../support/count_listeners.ts";
import { settled } from "../../support/manual_clock.ts";

const PATIENT = new AbortController().signal;

/** Takes a slot, and notes the name when it is taken. */
function enter(semaphore: Semaphore, name: string, entered: string[], signal = PATIENT) {
  const turn = semaphore.acquire(signal);
  assert(turn instanceof Promise, `${name} does not wait`);
  return turn.then(() => {
    entered.push(name);
  });
}

Deno.test("a free slot is taken at once", () => {
  const semaphore = new Semaphore({ max: 2, queue: 0 });
  assertEquals([semaphore.acquire(PATIENT), semaphore.acquire(PATIENT)], [true, true]);
  assertEquals([semaphore.running, semaphore.waiting], [2, 0]);
  semaphore.release();
  assertEquals([semaphore.running, semaphore.acquire(PATIENT)], [1, true]);
});

Deno.test("when the queue is full, no caller gets in", async () => {
  const semaphore = new Semaphore({ max: 1, queue: 1 });
  assertEquals(semaphore.acquire(PATIENT), true);
  const waits = semaphore.acquire(PATIENT);
  assert(waits instanceof Promise);
  assertEquals(semaphore.acquire(PATIENT), false);
  assertEquals([semaphore.running, semaphore.waiting], [1, 1]);
  semaphore.release();
  await waits;
  assertEquals([semaphore.running, semaphore.waiting], [1, 0]);
});

Deno.test("without a queue, no caller waits", () => {
  const semaphore = new Semaphore({ max: 1, queue: 0 });
  assertEquals([semaphore.acquire(PATIENT), semaphore.acquire(PATIENT)], [true, false]);
});

Deno.test("who waits is let in in the order of coming", async () => {
  const semaphore = new Semaphore({ max: 2, queue: 9 });
  semaphore.acquire(PATIENT);
  semaphore.acquire(PATIENT);
  const entered: string[] = [];
  for (const name of ["a", "b", "c"]) enter(semaphore, name, entered);
  semaphore.release();
  await settled();
  assertEquals(entered, ["a"]);
  semaphore.release();
  semaphore.release();
  await settled();
  assertEquals(entered, ["a", "b", "c"]);
  assertEquals([semaphore.running, semaphore.waiting], [2, 0]);
});

Deno.test("a released slot goes to the first waiter, not to a newcomer", async () => {
  const semaphore = new Semaphore({ max: 1, queue: 9 });
  semaphore.acquire(PATIENT);
  const entered: string[] = [];
  enter(semaphore, "first", entered);
  semaphore.release();
  enter(semaphore, "second", entered);
  await settled();
  assertEquals(entered, ["first"]);
});

Deno.test("a waiter that leaves frees its place at once, wherever in the queue", async () => {
  for (const leaver of ["a", "b", "c"]) {
    const semaphore = new Semaphore({ max: 1, queue: 3 });
    semaphore.acquire(PATIENT);
    const entered: string[] = [];
    const leaving = new AbortController();
    const reason = new Error("enough");
    const turns = ["a", "b", "c"].map((name) =>
      enter(semaphore, name, entered, name === leaver ? leaving.signal : PATIENT)
    );
    assertEquals(semaphore.acquire(PATIENT), false);
    const left = assertRejects(() => Promise.all(turns));
    leaving.abort(reason);
    assertEquals(semaphore.waiting, 2);
    enter(semaphore, "d", entered);
    assertStrictEquals(await left, reason);
    for (let slots = 0; slots < 4; slots++) semaphore.release();
    await settled();
    assertEquals(entered, ["a", "b", "c", "d"].filter((name) => name !== leaver));
    assertEquals([semaphore.running, semaphore.waiting], [0, 0]);
  }
});

Deno.test("who has left already does not wait", async () => {
  const semaphore = new Semaphore({ max: 1, queue: 1 });
  semaphore.acquire(PATIENT);
  const reason = new Error("gone");
  const turn = semaphore.acquire(AbortSignal.abort(reason));
  assertEquals(semaphore.waiting, 0);
  assertStrictEquals(await assertRejects(() => Promise.resolve(turn)), reason);
});

Deno.test("who was let in keeps its slot, even when its signal aborts in the same moment", async () => {
  const semaphore = new Semaphore({ max: 1, queue: 1 });
  semaphore.acquire(PATIENT);
  const leaving = new AbortController();
  const turn = semaphore.acquire(leaving.signal);
  semaphore.release();
  leaving.abort(new Error("too late to leave"));
  await turn;
  assertEquals([semaphore.running, semaphore.waiting], [1, 0]);
});

Deno.test("no listener stays on a signal that lives long", async () => {
  const semaphore = new Semaphore({ max: 1, queue: 9 });
  const { signal } = new AbortController();
  const listeners = countListeners(signal);
  semaphore.acquire(signal);
  assertEquals(listeners.count, 0);
  const turns = [semaphore.acquire(signal), semaphore.acquire(signal)];
  assertEquals(listeners.count, 2);
  semaphore.release();
  semaphore.release();
  await Promise.all(turns);
  assertEquals(listeners.count, 0);
});

Deno.test("more slots go to those who wait, at once and in order", async () => {
  const semaphore = new Semaphore({ max: 1, queue: 5 });
  const entered: string[] = [];
  semaphore.acquire(PATIENT);
  for (const name of ["a", "b", "c"]) enter(semaphore, name, entered);
  semaphore.resize(3);
  await settled();
  assertEquals([entered, semaphore.running, semaphore.waiting], [["a", "b"], 3, 1]);
  assertEquals(semaphore.max, 3);
});

Deno.test("fewer slots take effect as those in use are released", async () => {
  const semaphore = new Semaphore({ max: 3, queue: 5 });
  const entered: string[] = [];
  for (let index = 0; index < 3; index++) semaphore.acquire(PATIENT);
  enter(semaphore, "a", entered);
  semaphore.resize(1);
  semaphore.release();
  semaphore.release();
  await settled();
  assertEquals([entered, semaphore.running, semaphore.waiting], [[], 1, 1]);
  semaphore.release();
  await settled();
  assertEquals([entered, semaphore.running, semaphore.waiting], [["a"], 1, 0]);
  semaphore.release();
  assertEquals([semaphore.running, semaphore.acquire(PATIENT)], [0, true]);
});
