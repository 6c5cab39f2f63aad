import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { GatewayError } from "../../../../lib/core/errors.ts";
import { retry } from "../../../../lib/policies/retry/retry.ts";
import { RetryBudget } from "../../../../lib/policies/retry/retry_budget.ts";
import type { Context } from "../../../../lib/core/source.ts";
import { testCall, testContext } from "../../../support/context.ts";
import { settled } from "../../../support/manual_clock.ts";
import { play, status, unreachable } from "../../../support/retrying.ts";

for (const [random, waits] of [[0, [0, 0, 0, 0]], [0.999, [49.95, 99.9, 199.8, 249.75]]] as const) {
  Deno.test(`with the random number ${random} the waits are ${waits.join(", ")}`, async () => {
    const { clock, script, attempts, ask } = play({
      attempts: 5,
      maxBackoffMs: 250,
      random: () => random,
    });
    ask();
    for (const [index, ms] of waits.entries()) {
      script.at(index).fail(unreachable());
      await settled();
      if (ms > 0) {
        await clock.advance(ms - 0.01);
        assertEquals(attempts(), index + 1);
      }
      await clock.advance(0.02);
      assertEquals(attempts(), index + 2);
    }
    assertEquals(clock.sleeping, 0);
  });
}

Deno.test("an attempt is not made while it waits", async () => {
  const { clock, script, attempts, ask } = play();
  ask();
  script.at(0).answer(status(503));
  await clock.advance(49);
  assertEquals([attempts(), clock.sleeping], [1, 1]);
  await clock.advance(1);
  assertEquals([attempts(), clock.sleeping], [2, 0]);
});

for (
  const [value, what] of [
    ["2", "seconds"],
    ["Thu, 01 Jan 2026 00:00:02 GMT", "a date"],
  ] as const
) {
  Deno.test(`Retry-After as ${what} is waited for`, async () => {
    for (const code of [429, 503]) {
      const { clock, script, attempts, ask } = play({ random: () => 0 });
      ask({}, { deadline: 10_000 });
      script.at(0).answer(status(code, { "retry-after": value }));
      await clock.advance(1999);
      assertEquals(attempts(), 1);
      await clock.advance(1);
      assertEquals([attempts(), clock.sleeping], [2, 0]);
    }
  });

  Deno.test(`Retry-After as ${what} at or past the deadline ends it at once`, async () => {
    for (const [deadline, expected] of [[1500, 1], [2000, 1], [2001, 2]] as const) {
      const { clock, script, attempts, budget, ask } = play({ random: () => 0 }, {
        minPerSecond: 1,
      });
      const pending = ask({}, { deadline });
      const reply = status(429, { "retry-after": value });
      script.at(0).answer(reply);
      await settled();
      if (expected === 1) {
        assertStrictEquals(await pending, reply);
        assertEquals(clock.sleeping, 0);
        assert(budget.withdraw(), "what is not made costs nothing");
      }
      await clock.advance(2000);
      assertEquals(attempts(), expected);
    }
  });
}

Deno.test("the longer one of Retry-After and the random wait counts", async () => {
  for (const [value, longest, expected] of [["1", 3000, 3000], ["3", 1000, 3000]] as const) {
    const { clock, script, attempts, ask } = play({ backoffMs: longest, maxBackoffMs: longest });
    ask();
    script.at(0).answer(status(503, { "retry-after": value }));
    await clock.advance(expected - 1);
    assertEquals(attempts(), 1);
    await clock.advance(1);
    assertEquals(attempts(), 2);
  }
});

Deno.test("a Retry-After that is over, or cannot be understood, changes nothing", async () => {
  for (const value of ["0", "soon", "Thu, 01 Jan 2015 00:00:00 GMT"]) {
    const { clock, script, attempts, ask } = play();
    ask();
    script.at(0).answer(status(503, { "retry-after": value }));
    await clock.advance(49);
    assertEquals(attempts(), 1);
    await clock.advance(1);
    assertEquals(attempts(), 2);
  }
});

Deno.test("Retry-After of a response that is not retried is not waited for", async () => {
  const { clock, script, ask } = play();
  const pending = ask();
  script.at(0).answer(status(404, { "retry-after": "5" }));
  assertEquals((await pending).status, 404);
  assertEquals(clock.sleeping, 0);
});

Deno.test("an attempt that could not begin before the deadline is not waited for", async () => {
  for (const [deadline, isMade] of [[50, false], [51, true]] as const) {
    const { clock, script, attempts, ask } = play();
    const pending = ask({}, { deadline });
    const error = unreachable();
    script.at(0).fail(error);
    await settled();
    assertEquals(clock.sleeping, isMade ? 1 : 0);
    if (!isMade) assertStrictEquals(await assertRejects(() => pending), error);
    await clock.advance(50);
    assertEquals(attempts(), isMade ? 2 : 1);
  }
});

Deno.test("the deadline counts that is there when the attempt has failed", async () => {
  for (const [later, isMade] of [[1000, true], [70, false]] as const) {
    const { clock, script, attempts } = play();
    const source = retry({
      attempts: 3,
      backoffMs: 50,
      maxBackoffMs: 50,
      methods: new Set(["GET"]),
      budget: new RetryBudget({ share: 0, minPerSecond: 9, clock }),
      clock,
      random: () => 1,
    })(script.source);
    // As a shared call has it: a field of its own that is written to.
    const ctx: Context & { deadline: number } = {
      ...testContext(),
      deadline: isMade ? 70 : 1000,
    };
    const pending = source(testCall(), ctx);
    await clock.advance(30);
    ctx.deadline = later;
    script.at(0).answer(status(503));
    await clock.advance(50);
    assertEquals(attempts(), isMade ? 2 : 1);
    if (isMade) script.at(1).answerJson(1);
    assertEquals((await pending).status, isMade ? 200 : 503);
  }
});

Deno.test("who leaves in an attempt ends it, and there is no other", async () => {
  for (const last of [1, 2]) {
    const request = new AbortController();
    const { clock, script, attempts, ask } = play();
    const pending = ask({}, { signal: request.signal });
    for (let index = 0; index < last - 1; index++) {
      script.at(index).fail(unreachable());
      await clock.advance(1000);
    }
    const left = new GatewayError("cancelled", "the client went away");
    request.abort(left);
    assertStrictEquals(await assertRejects(() => pending), left);
    await clock.advance(10_000);
    assertEquals([attempts(), script.inFlight, clock.sleeping], [last, 0, 0]);
  }
});

Deno.test("a caller that leaves during the wait fails at once, and nothing is retried", async () => {
  for (const isReply of [true, false]) {
    const request = new AbortController();
    const { clock, script, attempts, ask } = play();
    const pending = ask({}, { signal: request.signal });
    if (isReply) script.at(0).answer(status(503));
    else script.at(0).fail(unreachable());
    await clock.advance(20);
    assertEquals(clock.sleeping, 1);
    const left = new GatewayError("cancelled", "the client went away");
    request.abort(left);
    assertStrictEquals(await assertRejects(() => pending), left);
    await clock.advance(10_000);
    assertEquals([attempts(), script.inFlight, clock.sleeping], [1, 0, 0]);
  }
});

Deno.test("an attempt that fails just as its request ends is not made again", async () => {
  const request = new AbortController();
  const { clock, attempts, script, ask } = play();
  const pending = ask({}, { signal: request.signal });
  script.at(0).fail(unreachable());
  const left = new GatewayError("cancelled", "the client went away");
  request.abort(left);
  assertStrictEquals(await assertRejects(() => pending), left);
  assertEquals([attempts(), clock.sleeping], [1, 0]);
});
