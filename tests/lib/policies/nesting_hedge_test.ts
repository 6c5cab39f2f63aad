import { assert, assertEquals } from "@std/assert";
import { Semaphore } from "../../../lib/async/semaphore.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { type Call, type Context, guard, type Source } from "../../../lib/core/source.ts";
import { bucketShape } from "../../../lib/limiter/bucket.ts";
import { adaptive } from "../../../lib/policies/adaptive/adaptive.ts";
import { AdaptiveLimit } from "../../../lib/policies/adaptive/adaptive_limit.ts";
import { bulkhead } from "../../../lib/policies/bulkhead.ts";
import { coalesce } from "../../../lib/policies/coalesce/coalesce.ts";
import { SharedCalls } from "../../../lib/policies/coalesce/shared_calls.ts";
import { hedge } from "../../../lib/policies/hedge/hedge.ts";
import { HedgeBudget } from "../../../lib/policies/hedge/hedge_budget.ts";
import { HedgeDelay } from "../../../lib/policies/hedge/hedge_delay.ts";
import { rate } from "../../../lib/policies/rate.ts";
import { retry } from "../../../lib/policies/retry/retry.ts";
import { RetryBudget } from "../../../lib/policies/retry/retry_budget.ts";
import { timeout } from "../../../lib/policies/timeout.ts";
import { testCall, testContext } from "../../support/context.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { property } from "../../support/random.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";
import { testLimiter } from "../../support/test_limiter.ts";

/** Each policy once: hedges after 80 ms, timeouts after 100 ms, waits of 50 ms for another attempt. */
function play(
  { max = 10, queue = 10, share = 1, retries = 1000, burst = 10, waitMs = 1000 } = {},
) {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const sharedCalls = new SharedCalls();
  const semaphore = new Semaphore({ max, queue });
  const retryBudget = new RetryBudget({ share: 0, minPerSecond: retries, clock });
  const methods = new Set(["GET"]);
  const limit = new AdaptiveLimit({ min: 1, max: 50, semaphore, clock });
  const policies = {
    coalesce: coalesce({ calls: sharedCalls, scope: "s" }),
    retry: retry({
      attempts: 2,
      backoffMs: 50,
      maxBackoffMs: 50,
      methods,
      budget: retryBudget,
      clock,
      random: () => 1,
    }),
    hedge: hedge({
      delay: new HedgeDelay({ ms: 80 }, clock),
      budget: new HedgeBudget(share),
      retryBudget,
      countsCalls: false,
      methods,
      clock,
    }),
    rate: rate({
      upstream: "up",
      limiter: testLimiter(clock),
      shape: bucketShape(10, 1000, burst),
      waitMs,
      queue: 100,
    }),
    bulkhead: bulkhead({ semaphore, clock }),
    adaptive: adaptive({ limit, clock }),
    timeout: timeout({ timeoutMs: 100, clock }),
  };
  const assertIdle = () => {
    const { running, waiting } = semaphore;
    const { sleeping } = clock;
    assertEquals(
      { running, waiting, sharedCalls: sharedCalls.size, sleeping, asked: script.inFlight },
      { running: 0, waiting: 0, sharedCalls: 0, sleeping: 0, asked: 0 },
    );
  };
  return { clock, script, semaphore, policies, assertIdle };
}

/** A caller that can leave. */
function caller(source: Source, call: Partial<Call> = {}, ctx: Partial<Context> = {}) {
  const request = new AbortController();
  const left = new GatewayError("cancelled", "the client went away");
  const context = testContext({ signal: request.signal, deadline: 100_000, ...ctx });
  const outcome = source(testCall(call), context).then(
    ({ status }) => String(status),
    (error) => error instanceof GatewayError ? error.kind : String(error),
  );
  return { outcome, leave: () => request.abort(left) };
}

const unreachable = () => new GatewayError("upstream-unreachable", "refused");

Deno.test("retry -> hedge: a failed call is retried at once, each attempt may be hedged", async () => {
  const { clock, script, policies: { retry, hedge }, assertIdle } = play();
  const { outcome } = caller(guard(script.source, retry, hedge));
  script.at(0).fail(unreachable());
  await clock.advance(50);
  assertEquals(script.asked.length, 2);
  await clock.advance(80);
  assertEquals(script.asked.length, 3);
  script.at(2).answerJson(1);
  assertEquals(await outcome, "200");
  assertIdle();
});

Deno.test("retry -> hedge: both calls of an attempt fail before there is another attempt", async () => {
  const { clock, script, policies: { retry, hedge }, assertIdle } = play();
  const { outcome } = caller(guard(script.source, retry, hedge));
  await clock.advance(80);
  script.at(0).fail(unreachable());
  await clock.advance(1000);
  assertEquals(script.asked.length, 2);
  script.at(1).answerJson("busy", 503);
  await clock.advance(50);
  assertEquals(script.asked.length, 3);
  script.at(2).answerJson(1);
  assertEquals(await outcome, "200");
  assertIdle();
});

Deno.test("retry -> hedge: a hedge uses up the budget of a retry, and the other way round", async () => {
  const { clock, script, policies: { retry, hedge }, assertIdle } = play({ retries: 1 });
  const { outcome } = caller(guard(script.source, retry, hedge));
  await clock.advance(80);
  for (const { fail } of script.asked) fail(unreachable());
  assertEquals(await outcome, "upstream-unreachable");
  assertEquals(script.asked.length, 2);
  assertIdle();
});

Deno.test("coalesce -> hedge: callers share both calls, which go on until the last has left", async () => {
  const { clock, script, policies: { coalesce, hedge }, assertIdle } = play();
  const source = guard(script.source, coalesce, hedge);
  const [one, other] = [caller(source), caller(source)];
  await clock.advance(80);
  assertEquals(script.asked.length, 2);
  one.leave();
  await settled();
  assertEquals(script.inFlight, 2);
  other.leave();
  await settled();
  assertEquals([await one.outcome, await other.outcome], ["cancelled", "cancelled"]);
  assertIdle();
});

Deno.test("hedge -> rate: a second call takes a token, and waits for it", async () => {
  const { clock, script, policies: { hedge, rate } } = play({ burst: 1 });
  const { outcome } = caller(guard(script.source, hedge, rate));
  await clock.advance(80);
  assertEquals(script.asked.length, 1);
  await clock.advance(20);
  assertEquals(script.asked.length, 2);
  script.at(1).answerJson(1);
  assertEquals(await outcome, "200");
});

Deno.test("hedge -> rate: a second call that gets no token does not fail the first", async () => {
  const { clock, script, policies: { hedge, rate } } = play({ burst: 1, waitMs: 1 });
  const { outcome } = caller(guard(script.source, hedge, rate));
  await clock.advance(90);
  assertEquals(script.asked.length, 1);
  script.at(0).answerJson(1);
  assertEquals(await outcome, "200");
});

Deno.test("hedge -> rate: the loser leaves its place in line", async () => {
  const { clock, script, policies: { hedge, rate } } = play({ burst: 1 });
  const source = guard(script.source, hedge, rate);
  const first = caller(source);
  await clock.advance(80);
  script.at(0).answerJson(1);
  assertEquals(await first.outcome, "200");
  const second = caller(source, { path: "/next" });
  await clock.advance(20);
  assertEquals(script.at(1).call.path, "/next");
  script.at(1).answerJson(1);
  assertEquals(await second.outcome, "200");
});

Deno.test("hedge -> bulkhead: a second call has a slot of its own, which the loser releases", async () => {
  const { clock, script, semaphore, policies: { hedge, bulkhead }, assertIdle } = play({ max: 2 });
  const { outcome } = caller(guard(script.source, hedge, bulkhead));
  await clock.advance(80);
  assertEquals(semaphore.running, 2);
  script.at(1).answerJson(1);
  assertEquals(await outcome, "200");
  assertIdle();
});

Deno.test("hedge -> bulkhead: the time in the queue counts for the delay, and both calls may wait", async () => {
  const { clock, script, semaphore, policies: { hedge, bulkhead }, assertIdle } = play({ max: 1 });
  const source = guard(script.source, hedge, bulkhead);
  const post = caller(source, { method: "POST" });
  const waiting = caller(source);
  await clock.advance(80);
  assertEquals(semaphore.waiting, 2);
  script.at(0).answerJson(1);
  await settled();
  script.at(1).answerJson(2);
  assertEquals([await post.outcome, await waiting.outcome], ["200", "200"]);
  // The second call got the slot in the moment in which the first released it.
  assertEquals(script.asked.slice(2).map(({ ctx }) => ctx.signal.aborted), [true]);
  assertIdle();
});

Deno.test("hedge -> bulkhead: a full queue refuses the second call alone", async () => {
  const { clock, script, policies: { hedge, bulkhead }, assertIdle } = play({ max: 1, queue: 0 });
  const { outcome } = caller(guard(script.source, hedge, bulkhead));
  await clock.advance(90);
  script.at(0).answerJson(1);
  assertEquals([await outcome, script.asked.length], ["200", 1]);
  assertIdle();
});

Deno.test("hedge -> timeout: each call has its own timeout", async () => {
  const { clock, script, policies: { hedge, timeout }, assertIdle } = play();
  const { outcome } = caller(guard(script.source, hedge, timeout));
  await clock.advance(100);
  assertEquals([script.asked.length, script.inFlight], [2, 1]);
  await clock.advance(79);
  script.at(1).answerJson(1);
  assertEquals(await outcome, "200");
  assertIdle();
});

Deno.test("hedge -> timeout: a call is not hedged once its deadline has passed", async () => {
  const { clock, script, policies: { hedge, timeout }, assertIdle } = play();
  const one = caller(guard(script.source, hedge, timeout), {}, { deadline: 60 });
  await clock.advance(60);
  one.leave();
  assertEquals([await one.outcome, script.asked.length], ["cancelled", 1]);
  assertIdle();
});

Deno.test("rate -> bulkhead: a call that waits for its turn has no slot yet", async () => {
  const { clock, script, semaphore, policies: { rate, bulkhead }, assertIdle } = play({ burst: 1 });
  const source = guard(script.source, rate, bulkhead);
  const callers = [caller(source), caller(source, { path: "/2" })];
  await settled();
  assertEquals(semaphore.running, 1);
  await clock.advance(100);
  assertEquals(semaphore.running, 2);
  for (const { answerJson } of script.asked) answerJson(1);
  for (const { outcome } of callers) assertEquals(await outcome, "200");
  assertIdle();
});

Deno.test("rate -> bulkhead: a call that a full queue refuses takes no token", async () => {
  const { script, policies: { rate, bulkhead } } = play({ burst: 2, max: 1, queue: 0 });
  const source = guard(script.source, rate, bulkhead);
  const first = caller(source);
  await settled();
  for (let index = 0; index < 5; index++) assertEquals(await caller(source).outcome, "overloaded");
  script.at(0).answerJson(1);
  assertEquals(await first.outcome, "200");
  const second = caller(source);
  await settled();
  assertEquals(script.asked.length, 2);
  script.at(1).answerJson(1);
  assertEquals(await second.outcome, "200");
});

/** Makes calls one after another in one slot, and ends each of them. */
async function repeat(
  { clock, policies: { bulkhead, adaptive, timeout }, script }: ReturnType<typeof play>,
  times: number,
  end: (index: number, one: ReturnType<typeof caller>) => Promise<void> | void,
) {
  const source = guard(script.source, bulkhead, adaptive, timeout);
  for (let index = 0; index < times; index++) {
    const one = caller(source);
    await settled();
    await end(index, one);
    await settled();
    await one.outcome;
  }
  assertEquals(clock.sleeping, 0);
}

Deno.test("bulkhead -> adaptive -> timeout: the limit grows by calls in time, not by timeouts", async () => {
  const world = play({ max: 1 });
  const { clock, script, semaphore } = world;
  await repeat(world, 100, async (index) => {
    await clock.advance(50);
    script.at(index).answerJson(1);
  });
  const before = semaphore.max;
  assert(before >= 1);
  await repeat(world, 100, () => clock.advance(100));
  assert(semaphore.max <= before, `${semaphore.max}, was ${before}`);
  world.assertIdle();
});

Deno.test("bulkhead -> adaptive -> timeout: calls whose callers leave count for nothing", async () => {
  const world = play({ max: 1 });
  const { clock, script, semaphore } = world;
  await repeat(world, 45, async (index) => {
    await clock.advance(50);
    script.at(index).answerJson(1);
  });
  const before = semaphore.max;
  await repeat(world, 200, async (_index, { leave }) => {
    await clock.advance(90);
    leave();
  });
  assertEquals(semaphore.max, before);
  world.assertIdle();
});

property(
  "retry -> hedge -> rate -> bulkhead -> adaptive -> timeout: nothing is left behind",
  40,
  async (random) => {
    const { clock, script, policies, assertIdle } = play({
      max: random.int(1, 4),
      queue: random.int(0, 3),
      burst: random.int(1, 10),
      waitMs: random.int(1, 300),
    });
    const { retry, hedge, rate, bulkhead, adaptive, timeout } = policies;
    const source = guard(script.source, retry, hedge, rate, bulkhead, adaptive, timeout);
    const callers = random.list(1, 12, (index) => caller(source, { path: `/${index}` }));
    for (let step = 0; step < 60; step++) {
      const asked = script.asked[random.int(0, script.asked.length)];
      if (random.bool(0.4)) asked?.answerJson(1, random.pick([200, 200, 404, 503]));
      else if (random.bool(0.2)) asked?.fail(unreachable());
      if (random.bool(0.1)) random.pick(callers).leave();
      await clock.advance(random.int(0, 40));
    }
    for (const { leave } of callers) leave();
    for (const { outcome } of callers) await outcome;
    await settled();
    assertIdle();
  },
);
