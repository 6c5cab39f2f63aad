import { assert, assertEquals } from "@std/assert";
import { retryDelayMs } from "../../../../lib/policies/retry/retry_delay.ts";
import { property } from "../../../support/random.ts";

const BACKOFF = { backoffMs: 50, maxBackoffMs: 1000 };
const ATTEMPTS = [1, 2, 3, 4, 5, 6, 7, 2000];

Deno.test("the longest wait doubles with each attempt, up to a bound", () => {
  const longest = ATTEMPTS.map((attempt) => retryDelayMs(attempt, BACKOFF, () => 0.999));
  assertEquals(longest, [50, 100, 200, 400, 800, 1000, 1000, 1000].map((ms) => 0.999 * ms));
});

Deno.test("the shortest wait is zero", () => {
  for (const attempt of ATTEMPTS) assertEquals(retryDelayMs(attempt, BACKOFF, () => 0), 0);
});

Deno.test("a wait lies as far between them as the random number says", () => {
  assertEquals(retryDelayMs(3, BACKOFF, () => 0.25), 50);
});

Deno.test("a bound below the base bounds the first wait too", () => {
  assertEquals(retryDelayMs(1, { backoffMs: 50, maxBackoffMs: 10 }, () => 0.5), 5);
});

Deno.test("a base of zero never waits", () => {
  for (const attempt of ATTEMPTS.slice(0, -1)) {
    assertEquals(retryDelayMs(attempt, { backoffMs: 0, maxBackoffMs: 1000 }, () => 0.999), 0);
  }
});

property("a wait is never longer than its bounds, nor shorter than nothing", 300, (random) => {
  const backoff = { backoffMs: random.int(0, 5000), maxBackoffMs: random.int(0, 5000) };
  const share = random.int(0, 999) / 1000;
  let before = 0;
  for (let attempt = 1; attempt < 20; attempt++) {
    const ms = retryDelayMs(attempt, backoff, () => share);
    assert(ms >= before, "a later attempt never waits less for the same random number");
    assert(ms <= backoff.maxBackoffMs && ms <= backoff.backoffMs * 2 ** (attempt - 1));
    before = ms;
  }
});
