import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { GatewayError } from "../../../../lib/core/errors.ts";
import { timeout } from "../../../../lib/policies/timeout.ts";
import { RetryBudget } from "../../../../lib/policies/retry/retry_budget.ts";
import { testCall, testContext } from "../../../support/context.ts";
import { ManualClock } from "../../../support/manual_clock.ts";
import { play, status, unreachable } from "../../../support/retrying.ts";

/** Shows another time whenever it is read, as a machine's clock does. */
class RestlessClock extends ManualClock {
  #reads = 0;

  override monotonic(): number {
    return super.monotonic() + this.#reads++ / 1000;
  }
}

Deno.test("who leaves while it waits gives the retry back, whatever the reason", async () => {
  for (const kind of ["cancelled", "deadline-exceeded", "upstream-timeout"] as const) {
    for (const isReply of [true, false]) {
      const request = new AbortController();
      const { clock, script, budget, ask } = play({ attempts: 5 }, { minPerSecond: 2 });
      const pending = ask({}, { signal: request.signal });
      if (isReply) script.at(0).answer(status(503));
      else script.at(0).fail(unreachable());
      await clock.advance(20);
      assertEquals(clock.sleeping, 1);
      const left = new GatewayError(kind, "left");
      request.abort(left);
      assertStrictEquals(await assertRejects(() => pending), left);
      const free = [1, 2, 3].map(() => budget.withdraw());
      assertEquals(free, [true, true, false], `${kind} after ${isReply ? "a reply" : "a failure"}`);
      assertEquals([script.asked.length, clock.sleeping], [1, 0]);
    }
  }
});

Deno.test("a retry is given back although the clock has moved on", async () => {
  const clock = new RestlessClock();
  const budget = new RetryBudget({ share: 0, minPerSecond: 1, clock });
  const { script, ask } = play({ clock, budget });
  const request = new AbortController();
  const pending = ask({}, { signal: request.signal });
  script.at(0).fail(unreachable());
  await clock.advance(20);
  assertEquals([clock.sleeping, budget.withdraw()], [1, false]);
  request.abort(new GatewayError("cancelled", "left"));
  await assertRejects(() => pending);
  assertEquals([clock.sleeping, budget.withdraw()], [0, true]);
});

Deno.test("a retry that was made is not given back", async () => {
  const request = new AbortController();
  const { clock, attempts, script, budget, ask } = play({}, { minPerSecond: 1 });
  const pending = ask({}, { signal: request.signal });
  script.at(0).fail(unreachable());
  await clock.advance(50);
  assertEquals(attempts(), 2);
  request.abort(new GatewayError("cancelled", "left"));
  await assertRejects(() => pending);
  assertEquals(budget.withdraw(), false);
});

Deno.test("without budget a call ends as its first attempt did, at once", async () => {
  for (const isReply of [true, false]) {
    const { clock, script, attempts, ask } = play({}, { minPerSecond: 0 });
    const pending = ask();
    const reply = status(503);
    const error = unreachable();
    if (isReply) script.at(0).answer(reply);
    else script.at(0).fail(error);
    if (isReply) assertStrictEquals(await pending, reply);
    else assertStrictEquals(await assertRejects(() => pending), error);
    assertEquals([attempts(), clock.sleeping], [1, 0]);
  }
});

Deno.test("each call counts once for the budget, whatever its method, and each retry once", async () => {
  const { clock, script, budget, attempts, ask } = play({}, { share: 0.5, minPerSecond: 0 });
  for (const method of ["GET", "POST", "GET"]) {
    ask({ method });
    script.at(attempts() - 1).answerJson(1);
  }
  const pending = ask();
  script.at(3).answer(status(503));
  await clock.advance(50);
  script.at(4).answer(status(503));
  await clock.advance(100);
  script.at(5).answer(status(503));
  assertEquals((await pending).status, 503);
  assertEquals(budget.withdraw(), false);
});

Deno.test("calls share one budget", async () => {
  const { clock, script, attempts, ask } = play({}, { minPerSecond: 3 });
  const pending = Array.from({ length: 10 }, () => ask());
  for (let index = 0; index < 10; index++) script.at(index).answer(status(503));
  await clock.advance(50);
  assertEquals(attempts(), 13);
  for (let index = 10; index < 13; index++) script.at(index).answerJson(1);
  const statuses = (await Promise.all(pending)).map(({ status }) => status);
  assertEquals(statuses.filter((code) => code === 200).length, 3);
});

Deno.test("timeout -> retry with a source that fails: the end of the time ends the wait", async () => {
  const { clock, script, budget, policy } = play({ attempts: 9 }, { minPerSecond: 2 });
  const source = timeout({ timeoutMs: 120, clock })(policy(script.source));
  const pending = assertRejects(() => source(testCall(), testContext()), GatewayError);
  script.at(0).fail(unreachable());
  await clock.advance(50);
  await clock.advance(70);
  assertEquals((await pending).kind, "upstream-timeout");
  assertEquals([script.asked.length, script.inFlight, clock.sleeping], [2, 0, 0]);
  assertEquals([budget.withdraw(), budget.withdraw()], [true, false]);
});
