import { assert, assertEquals } from "@std/assert";
import { Semaphore } from "../../../../lib/async/semaphore.ts";
import type { Clock } from "../../../../lib/core/clock.ts";
import { AdaptiveLimit } from "../../../../lib/policies/adaptive/adaptive_limit.ts";
import { property } from "../../../support/random.ts";

const PATIENT = new AbortController().signal;

/** A limit from 4 to 200 that begins at 10, with as many calls as it lets through. */
function play({ isBusy = true } = {}) {
  let now = 0;
  const clock: Clock = { wall: () => now, monotonic: () => now, sleep: () => Promise.resolve() };
  const semaphore = new Semaphore({ max: 10, queue: 0 });
  const limit = new AdaptiveLimit({ min: 4, max: 200, semaphore, clock });
  const fill = () => {
    while (isBusy && semaphore.acquire(PATIENT) === true);
  };
  fill();
  return {
    semaphore,
    /** Ends calls for some seconds, evenly, each of which took as long as `latency` says. */
    run(seconds: number, latency: () => number, isFailure = false) {
      for (const end = now + seconds * 1000; now < end;) {
        const ms = latency();
        now += ms / semaphore.max;
        limit.sample(ms, isFailure);
        if (isBusy) semaphore.release();
        fill();
      }
    },
  };
}

Deno.test("a limit that is reached grows while latency stays, up to its maximum", () => {
  const { semaphore, run } = play();
  run(5, () => 50);
  assert(semaphore.max > 15 && semaphore.max < 40, `${semaphore.max}`);
  run(30, () => 50);
  assertEquals(semaphore.max, 200);
});

Deno.test("a limit that nobody reaches stays", () => {
  const { semaphore, run } = play({ isBusy: false });
  run(60, () => 50);
  assertEquals(semaphore.max, 10);
});

Deno.test("fast failures count for nothing: the limit does not grow by them", () => {
  const { semaphore, run } = play();
  run(3, () => 50);
  const before = semaphore.max;
  run(60, () => 1, true);
  assertEquals(semaphore.max, before);
});

Deno.test("slow failures shrink the limit to its minimum, and it recovers", () => {
  const { semaphore, run } = play();
  run(5, () => 50);
  const before = semaphore.max;
  run(200, () => 500, true);
  assert(semaphore.max <= 5, `${semaphore.max} after failures, ${before} before`);
  run(120, () => 50);
  assert(semaphore.max >= before, `${semaphore.max}`);
});

property(
  "calls of which 2 % take twenty times as long are no overload, however few there are",
  20,
  (random) => {
    const { semaphore, run } = play();
    const ms = random.pick([20, 200, 1000]);
    let least = Infinity;
    for (let minute = 0; minute < 15; minute++) {
      run(60, () => random.bool(0.02) ? 20 * ms : ms * random.int(50, 150) / 100);
      least = Math.min(least, semaphore.max);
    }
    assert(least >= 10, `least ${least} at ${ms} ms`);
    assert(semaphore.max >= 100, `${semaphore.max} at ${ms} ms`);
  },
);
