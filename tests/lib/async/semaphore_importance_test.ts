import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Importance, Semaphore } from "../../../lib/async/semaphore.ts";
import { settled } from "../../support/manual_clock.ts";

const { signal } = new AbortController();
const OPTIONAL: Importance = { isOptional: true };

/** A semaphore whose one slot is taken; `wait` notes how each name's wait ends, in order. */
function full(queue: number) {
  const semaphore = new Semaphore({ max: 1, queue });
  semaphore.acquire(signal);
  const ended: string[] = [];
  const wait = (name: string, importance?: Importance) => {
    const turn = semaphore.acquire(signal, importance);
    assert(turn instanceof Promise, `${name} does not wait`);
    turn.then((isAcquired) => ended.push(isAcquired ? name : `not ${name}`));
  };
  const release = async (times = 1) => {
    while (times-- > 0) semaphore.release();
    await settled();
  };
  return { semaphore, ended, wait, release };
}

Deno.test("required waiters go before optional ones, each in the order of coming", async () => {
  const { ended, wait, release, semaphore } = full(9);
  wait("optional 1", OPTIONAL);
  wait("required 1");
  wait("optional 2", OPTIONAL);
  wait("required 2", { isOptional: false });
  await release(5);
  assertEquals(ended, ["required 1", "required 2", "optional 1", "optional 2"]);
  assertEquals([semaphore.running, semaphore.waiting], [0, 0]);
});

Deno.test("a full queue evicts its newest optional waiter for a required one", async () => {
  const { ended, wait, release, semaphore } = full(3);
  wait("optional 1", OPTIONAL);
  wait("optional 2", OPTIONAL);
  wait("required 1");
  assertEquals(semaphore.acquire(signal, OPTIONAL), false, "an optional one evicts nobody");
  wait("required 2");
  await settled();
  assertEquals(ended, ["not optional 2"]);
  assertEquals(semaphore.waiting, 3);
  wait("required 3");
  assertEquals(semaphore.acquire(signal), false, "a required one evicts no required one");
  await release(9 - 5);
  assertEquals(ended.slice(1), ["not optional 1", "required 1", "required 2", "required 3"]);
  assertEquals([semaphore.running, semaphore.waiting], [0, 0]);
});

Deno.test("without a queue nobody is evicted", () => {
  const semaphore = new Semaphore({ max: 1, queue: 0 });
  semaphore.acquire(signal, OPTIONAL);
  assertEquals(semaphore.acquire(signal), false);
});

Deno.test("a waiter that becomes required is no longer passed over, nor evicted", async () => {
  const { ended, wait, release, semaphore } = full(2);
  const first = { isOptional: true };
  wait("first", first);
  wait("second", OPTIONAL);
  first.isOptional = false;
  wait("third");
  assertEquals(semaphore.acquire(signal), false);
  await release(3);
  assertEquals(ended, ["not second", "first", "third"]);
});

Deno.test("an evicted waiter follows its signal no longer, and one that left is not evicted", async () => {
  const { wait, semaphore } = full(1);
  const leaving = new AbortController();
  const evicted = semaphore.acquire(leaving.signal, OPTIONAL);
  wait("required");
  leaving.abort(new Error("gone"));
  assertEquals(await evicted, false);
  assertEquals(semaphore.waiting, 1);

  const other = full(1);
  const left = new AbortController();
  const turn = other.semaphore.acquire(left.signal, OPTIONAL);
  left.abort(new Error("gone"));
  await assertRejects(() => Promise.resolve(turn), Error, "gone");
  other.wait("required");
  assertEquals(other.semaphore.waiting, 1);
});
