import { assertEquals } from "@std/assert";
import { Semaphore } from "../../../lib/async/semaphore.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { json } from "../../../lib/json/json_reply.ts";
import { type Context, guard, type Source } from "../../../lib/core/source.ts";
import { bucketShape } from "../../../lib/limiter/bucket.ts";
import { breaker } from "../../../lib/policies/breaker/breaker.ts";
import { Circuit } from "../../../lib/policies/breaker/circuit.ts";
import { watchCalls } from "../../../lib/policies/breaker/watch_calls.ts";
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
import { ScriptedSource } from "../../support/scripted_source.ts";
import { testLimiter } from "../../support/test_limiter.ts";

/**
 * Each policy once: the breaker opens at two bad calls for 1 s, and needs one probe; timeouts after
 * 100 ms, hedges after 80 ms, waits of 50 ms for another attempt.
 */
function play({ slots = 10, burst = 10, attempts = 3 } = {}) {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const methods = new Set(["GET"]);
  const circuit = new Circuit({
    windowMs: 60_000,
    minCalls: 2,
    failureRate: 1,
    slowAfterMs: 90,
    slowRate: 1,
    openForMs: 1_000,
    probes: 1,
  });
  const retryBudget = new RetryBudget({ share: 0, minPerSecond: 1_000, clock });
  const policies = {
    coalesce: coalesce({ calls: new SharedCalls(), scope: "" }),
    retry: retry({
      attempts,
      backoffMs: 50,
      maxBackoffMs: 50,
      methods,
      budget: retryBudget,
      clock,
      random: () => 1,
    }),
    hedge: hedge({
      delay: new HedgeDelay({ ms: 80 }, clock),
      budget: new HedgeBudget(1),
      retryBudget,
      countsCalls: false,
      methods,
      clock,
    }),
    breaker: breaker({ circuit, clock }),
    rate: rate({
      upstream: "up",
      limiter: testLimiter(clock),
      shape: bucketShape(10, 1_000, burst),
      waitMs: 200,
      queue: 100,
    }),
    bulkhead: bulkhead({ semaphore: new Semaphore({ max: slots, queue: 10 }), clock }),
    watch: watchCalls({ circuit, clock, onChange() {} }),
    timeout: timeout({ timeoutMs: 100, clock }),
  };
  const counts = () => circuit.countsAt(clock.monotonic());
  const state = () => circuit.stateAt(clock.monotonic());
  /** Opens the breaker by two calls that its source fails. */
  const open = async (source: Source) => {
    for (let time = 0; time < 2; time++) {
      const one = caller(source);
      await settled();
      script.asked.at(-1)?.answerJson(1, 404 + 96);
      await one.outcome;
    }
    assertEquals(state(), "open");
  };
  return { clock, script, policies, counts, state, open };
}

/** A caller that can leave. */
function caller(source: Source, path = "/", ctx: Partial<Context> = {}) {
  const request = new AbortController();
  const context = testContext({ signal: request.signal, deadline: 100_000, ...ctx });
  const outcome = Promise.try(source, testCall({ path }), context).then(
    ({ status }) => String(status),
    (error: unknown) => error instanceof GatewayError ? error.kind : String(error),
  );
  const end = (kind: "cancelled" | "deadline-exceeded") =>
    request.abort(new GatewayError(kind, "it ended"));
  return { outcome, end };
}

Deno.test("coalesce -> breaker: callers that share a call count once, and share its rejection", async () => {
  const { script, policies, counts } = play();
  const source = guard(script.source, policies.coalesce, policies.breaker, policies.watch);
  const both = [caller(source), caller(source)];
  script.at(0).answerJson(1, 500);
  assertEquals(await Promise.all(both.map(({ outcome }) => outcome)), ["500", "500"]);
  assertEquals(counts().calls, 1);
  const one = caller(source);
  await settled();
  script.at(1).answerJson(1, 500);
  await one.outcome;
  const rejected = [caller(source), caller(source)];
  assertEquals(await Promise.all(rejected.map(({ outcome }) => outcome)), [
    "breaker-open",
    "breaker-open",
  ]);
  assertEquals(script.asked.length, 2);
});

Deno.test("coalesce -> breaker: who joins a call from before it opened gets its response", async () => {
  const { script, policies, open } = play();
  const source = guard(script.source, policies.coalesce, policies.breaker, policies.watch);
  const first = caller(source, "/running");
  await open(source);
  const joined = caller(source, "/running");
  script.at(0).answerJson(1);
  assertEquals(await Promise.all([first.outcome, joined.outcome]), ["200", "200"]);
});

Deno.test("retry -> breaker: each attempt counts, and none is made once it is open", async () => {
  const { clock, script, policies, counts } = play();
  const source = guard(script.source, policies.retry, policies.breaker, policies.watch);
  const { outcome } = caller(source);
  for (let attempt = 0; attempt < 2; attempt++) {
    script.at(attempt).answerJson(1, 503);
    await clock.advance(50);
  }
  assertEquals(await outcome, "breaker-open");
  assertEquals([script.asked.length, counts()], [2, { calls: 2, failed: 2, slow: 0 }]);
  assertEquals(clock.sleeping, 0);
});

Deno.test("retry -> breaker with a probe that fails: its retry is rejected", async () => {
  const { clock, script, policies, open, state } = play();
  const inner = guard(script.source, policies.breaker, policies.watch);
  await open(inner);
  await clock.advance(1_000);
  const { outcome } = caller(guard(inner, policies.retry));
  script.at(2).answerJson(1, 500);
  await clock.advance(50);
  assertEquals([await outcome, state(), script.asked.length], ["breaker-open", "open", 3]);
});

Deno.test("hedge -> breaker: the hedge of a probe is rejected, and the probe still decides", async () => {
  const { clock, script, policies, open, state } = play();
  const inner = guard(script.source, policies.breaker, policies.watch);
  await open(inner);
  await clock.advance(1_000);
  const { outcome } = caller(guard(inner, policies.hedge));
  await clock.advance(85);
  assertEquals(script.asked.length, 3);
  script.at(2).answerJson(1);
  assertEquals([await outcome, state()], ["200", "closed"]);
});

Deno.test("hedge -> breaker: the call that loses counts as neither", async () => {
  const { clock, script, policies, counts } = play();
  const source = guard(script.source, policies.hedge, policies.breaker, policies.watch);
  const { outcome } = caller(source);
  await clock.advance(95);
  script.at(1).answerJson(1);
  assertEquals(await outcome, "200");
  await settled();
  assertEquals([script.asked.length, counts()], [2, { calls: 1, failed: 0, slow: 0 }]);
});

Deno.test("breaker -> rate: a wait for a token is not slow, and a rejection shows nothing", async () => {
  const { clock, policies, counts } = play({ burst: 1 });
  const source = guard(
    () => Promise.resolve(json(1)),
    policies.breaker,
    policies.rate,
    policies.watch,
  );
  const callers = Array.from({ length: 5 }, () => caller(source));
  await clock.advance(300);
  const outcomes = await Promise.all(callers.map(({ outcome }) => outcome));
  assertEquals(outcomes, ["200", "200", "200", "overloaded", "overloaded"]);
  assertEquals(counts(), { calls: 3, failed: 0, slow: 0 });
});

Deno.test("breaker -> rate: while it is open, no token is taken", async () => {
  const { clock, script, policies, open } = play({ burst: 3 });
  const source = guard(script.source, policies.breaker, policies.rate, policies.watch);
  await open(source);
  for (let time = 0; time < 20; time++) await caller(source).outcome;
  await clock.advance(1_000);
  const { outcome } = caller(source);
  await settled();
  script.at(2).answerJson(1);
  assertEquals(await outcome, "200");
});

Deno.test("breaker -> bulkhead: time in the queue is not slow, and a deadline there no failure", async () => {
  const { clock, script, policies, counts } = play({ slots: 1 });
  const source = guard(script.source, policies.breaker, policies.bulkhead, policies.watch);
  const [first, second, third] = ["/1", "/2", "/3"].map((path) => caller(source, path));
  await clock.advance(85);
  third?.end("deadline-exceeded");
  assertEquals(await third?.outcome, "deadline-exceeded");
  script.at(0).answerJson(1);
  await settled();
  await clock.advance(85);
  script.at(1).answerJson(1);
  assertEquals([await first?.outcome, await second?.outcome], ["200", "200"]);
  assertEquals(counts(), { calls: 2, failed: 0, slow: 0 });
});

Deno.test("breaker -> bulkhead with no slot for the probe: another call becomes the probe", async () => {
  const { clock, script, policies, open, state } = play({ slots: 1 });
  const source = guard(script.source, policies.breaker, policies.bulkhead, policies.watch);
  const stuck = caller(source, "/stuck");
  const inner = guard(script.source, policies.breaker, policies.watch);
  await open(inner);
  await clock.advance(1_000);
  const waiting = caller(source, "/waiting");
  await settled();
  assertEquals(await caller(source, "/rejected").outcome, "breaker-open");
  waiting.end("deadline-exceeded");
  assertEquals(await waiting.outcome, "deadline-exceeded");
  stuck.end("cancelled");
  await stuck.outcome;
  const probe = caller(source, "/probe");
  await settled();
  script.asked.at(-1)?.answerJson(1);
  assertEquals([await probe.outcome, state()], ["200", "closed"]);
});

Deno.test("breaker -> timeout: calls that it ends are slow and failed", async () => {
  const { clock, script, policies, counts, state } = play();
  const source = guard(script.source, policies.breaker, policies.watch, policies.timeout);
  const both = [caller(source, "/1"), caller(source, "/2")];
  await clock.advance(100);
  assertEquals(await Promise.all(both.map(({ outcome }) => outcome)), [
    "upstream-timeout",
    "upstream-timeout",
  ]);
  assertEquals([counts(), state()], [{ calls: 2, failed: 2, slow: 2 }, "open"]);
  assertEquals([script.inFlight, clock.sleeping], [0, 0]);
});

Deno.test("breaker -> timeout: calls that the deadline ends are slow and failed, after however short a time", async () => {
  const { clock, script, policies, counts, state } = play();
  const source = guard(script.source, policies.breaker, policies.watch, policies.timeout);
  const both = [caller(source, "/1"), caller(source, "/2")];
  await clock.advance(10);
  for (const { end } of both) end("deadline-exceeded");
  await Promise.all(both.map(({ outcome }) => outcome));
  assertEquals([counts(), state()], [{ calls: 2, failed: 2, slow: 2 }, "open"]);
  assertEquals([script.inFlight, clock.sleeping], [0, 0]);
});

Deno.test("breaker -> timeout with no time left: nothing is counted", async () => {
  const { policies, script, counts } = play();
  const source = guard(script.source, policies.breaker, policies.watch, policies.timeout);
  assertEquals(await caller(source, "/", { deadline: 0 }).outcome, "deadline-exceeded");
  assertEquals([counts().calls, script.asked.length], [0, 0]);
});
