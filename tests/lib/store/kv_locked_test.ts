import { assertEquals, assertRejects } from "@std/assert";
import { retryWhileLocked } from "../../../lib/store/kv_locked.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const LOCKED = new TypeError("database is locked");

Deno.test("a call that meets a lock is repeated, with pauses by chance, and not for ever", async () => {
  const clock = new ManualClock();
  let calls = 0;
  const end = (isRight: number) => () =>
    ++calls < isRight ? Promise.reject(LOCKED) : Promise.resolve(calls);
  const brief = retryWhileLocked(end(12), { clock, random: () => 0.5 });
  await clock.advance(100);
  assertEquals(await brief, 12);
  calls = 0;
  const held = assertRejects(
    () => retryWhileLocked(end(Infinity), { clock, random: () => 0.5, boundMs: 250 }),
    TypeError,
  );
  await clock.advance(249);
  const before = calls;
  await clock.advance(11);
  await held;
  assertEquals(calls, before + 1);
  await clock.advance(1_000);
  assertEquals([calls, clock.sleeping], [before + 1, 0]);
});

Deno.test("a call that fails otherwise is not repeated", async () => {
  let calls = 0;
  const failing = () => Promise.reject(new Error(`disk is full ${++calls}`));
  await assertRejects(() => retryWhileLocked(failing), Error, "disk is full 1");
});
