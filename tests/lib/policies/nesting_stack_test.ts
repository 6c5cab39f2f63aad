import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Overload } from "../../../lib/async/overload.ts";
import { Body } from "../../../lib/core/body.ts";
import { parseConfig } from "../../../lib/config/parse.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { SharedCalls } from "../../../lib/policies/coalesce/shared_calls.ts";
import type { MapFunction } from "../../../lib/core/map_function.ts";
import { accept } from "../../../lib/policies/accept/accept.ts";
import { buffer } from "../../../lib/policies/buffer.ts";
import { bulkhead } from "../../../lib/policies/bulkhead.ts";
import { coalesce } from "../../../lib/policies/coalesce/coalesce.ts";
import { retry } from "../../../lib/policies/retry/retry.ts";
import { shape } from "../../../lib/policies/shape.ts";
import { timeout } from "../../../lib/policies/timeout.ts";
import { json } from "../../../lib/json/json_reply.ts";
import { RetryBudget } from "../../../lib/policies/retry/retry_budget.ts";
import { Semaphore } from "../../../lib/async/semaphore.ts";
import type { Call, Context, Reply, Source } from "../../../lib/core/source.ts";
import { guard } from "../../../lib/core/source.ts";
import { partStack } from "../../../lib/upstream/stack.ts";
import { functionSource } from "../../../lib/transport/function.ts";
import { upstreamState } from "../../../lib/upstream/upstream_state.ts";
import { testCache } from "../../support/test_cache.ts";
import { testLimiter } from "../../support/test_limiter.ts";
import { testCall, testContext } from "../../support/context.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { property } from "../../support/random.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";
import { ScriptedStream } from "../../support/scripted_stream.ts";

const ENCODER = new TextEncoder();

/** Each policy once, to be nested by a test: one slot, one place in the queue, waits of 50 ms. */
function play({ max = 1, queue = 1, attempts = 3, random = () => 1 } = {}) {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const sharedCalls = new SharedCalls();
  const semaphore = new Semaphore({ max, queue });
  const budget = new RetryBudget({ share: 0, minPerSecond: 1000, clock });
  const policies = {
    accept: accept({ as: "json", clock }),
    coalesce: coalesce({ calls: sharedCalls, scope: "s" }),
    retry: retry({
      attempts,
      backoffMs: 50,
      maxBackoffMs: 50,
      methods: new Set(["GET"]),
      budget,
      clock,
      random,
    }),
    bulkhead: bulkhead({ semaphore, clock }),
    timeout: timeout({ timeoutMs: 100, clock }),
    buffer: buffer({ maxBytes: 100 }),
  };
  const assertIdle = () => {
    const { running, waiting } = semaphore;
    assertEquals(
      {
        running,
        waiting,
        sharedCalls: sharedCalls.size,
        sleeping: clock.sleeping,
        asked: script.inFlight,
      },
      { running: 0, waiting: 0, sharedCalls: 0, sleeping: 0, asked: 0 },
    );
  };
  return { clock, script, sharedCalls, semaphore, policies, assertIdle };
}

/** A caller that can leave. */
function caller(source: Source, call: Partial<Call> = {}, ctx: Partial<Context> = {}) {
  const request = new AbortController();
  const left = new GatewayError("cancelled", "the client went away");
  const asked = source(testCall(call), testContext({ signal: request.signal, ...ctx }));
  const outcome = asked.then(
    ({ status }) => String(status),
    (error) => error instanceof GatewayError ? error.kind : String(error),
  );
  return { asked, outcome, left, leave: () => request.abort(left) };
}

function text(body: string, status = 200): Reply {
  return { status, headers: new Headers(), body: Body.of(ENCODER.encode(body)) };
}

/** A reply whose body comes as the test says, and breaks off with its call. */
function dripping(origin: ScriptedStream, { signal }: Context, status = 200): Reply {
  signal.addEventListener("abort", () => origin.fail(signal.reason), { once: true });
  return { status, headers: new Headers(), body: Body.from({ stream: origin.stream }) };
}

const unreachable = () => new GatewayError("upstream-unreachable", "nobody there");

Deno.test("shape -> accept: what is refused, or is no JSON, is not shaped", async () => {
  for (
    const [reply, kind] of [[text("{}", 404), "upstream-refused"], [
      text("{"),
      "upstream-invalid",
    ]] as const
  ) {
    const { script, policies, assertIdle } = play();
    let mapped = 0;
    const source = guard(script.source, shape({ map: () => mapped++ }), policies.accept);
    const { outcome } = caller(source);
    script.at(0).answer(reply);
    assertEquals([await outcome, mapped], [kind, 0]);
    assertIdle();
  }
});

Deno.test("shape -> accept: an empty response is null to the function, text is a string", async () => {
  const seen: unknown[] = [];
  for (const [as, body] of [["json", ""], ["text", "hello"]] as const) {
    const { clock, script } = play();
    const map: MapFunction = (data) => void seen.push(data);
    const source = guard(script.source, shape({ map }), accept({ as, clock }));
    const { outcome } = caller(source);
    script.at(0).answer(text(body));
    assertEquals(await outcome, "200");
  }
  assertEquals(seen, [null, "hello"]);
});

Deno.test("shape -> accept -> coalesce: a function's changes to a shared response stay its own", async () => {
  const { script, policies, assertIdle } = play();
  const map = (value: string): MapFunction => (data) =>
    Object.assign(Object(data), { added: value });
  const shared = [policies.accept, policies.coalesce];
  const one = caller(guard(script.source, shape({ map: map("one") }), ...shared));
  const other = caller(guard(script.source, shape({ map: map("other") }), ...shared));
  assertEquals(script.asked.length, 1);
  script.at(0).answerJson({ n: 1 });
  const shaped = await Promise.all(
    [one, other].map(async ({ asked }) => (await asked).body.json(99)),
  );
  assertEquals(shaped, [{ n: 1, added: "one" }, { n: 1, added: "other" }]);
  assertIdle();
});

Deno.test("accept -> coalesce with a body that is not JSON: both callers fail", async () => {
  const { script, policies, assertIdle } = play();
  const source = guard(script.source, policies.accept, policies.coalesce);
  const callers = [caller(source), caller(source)];
  assertEquals(script.asked.length, 1);
  script.at(0).answer(text("<html>"));
  const outcomes = await Promise.all(callers.map(({ outcome }) => outcome));
  assertEquals(outcomes, ["upstream-invalid", "upstream-invalid"]);
  assertIdle();
});

Deno.test("accept -> coalesce: one response is JSON to one caller and text to the other", async () => {
  const { clock, script, policies, assertIdle } = play();
  const one = caller(guard(script.source, accept({ as: "json", clock }), policies.coalesce));
  const other = caller(guard(script.source, accept({ as: "text", clock }), policies.coalesce));
  assertEquals(script.asked.length, 1);
  script.at(0).answer(text("[1]"));
  assertEquals(await (await one.asked).body.json(99), [1]);
  assertEquals(await (await other.asked).body.json(99), "[1]");
  assertIdle();
});

Deno.test("accept -> coalesce: a refusal is everyone's, and who leaves before it has left", async () => {
  const { script, policies, assertIdle } = play();
  const source = guard(script.source, policies.accept, policies.coalesce);
  const callers = [caller(source), caller(source), caller(source)];
  callers[1]?.leave();
  script.at(0).answer(text("{}", 404));
  const outcomes = await Promise.all(callers.map(({ outcome }) => outcome));
  assertEquals(outcomes, ["upstream-refused", "cancelled", "upstream-refused"]);
  assertIdle();
});

Deno.test("accept -> retry: invalid JSON is not retried", async () => {
  const { clock, script, policies, assertIdle } = play({ attempts: 2 });
  const source = guard(script.source, policies.accept, policies.retry);
  const broken = caller(source);
  script.at(0).answer(text("<html>"));
  assertEquals(await broken.outcome, "upstream-invalid");
  const failing = caller(source);
  script.at(1).answer(text("", 503));
  await clock.advance(50);
  script.at(2).answer(text("", 429));
  assertEquals(await failing.outcome, "overloaded");
  assertEquals(script.asked.length, 3);
  assertIdle();
});

Deno.test("coalesce -> retry: a follower that comes in the wait shares the retries", async () => {
  const { clock, script, policies, assertIdle } = play();
  const source = guard(script.source, policies.coalesce, policies.retry);
  const leader = caller(source);
  script.at(0).answer(text("", 503));
  await clock.advance(25);
  const follower = caller(source);
  await clock.advance(25);
  assertEquals(script.asked.length, 2);
  script.at(1).answerJson(1);
  assertStrictEquals(await leader.asked, await follower.asked);
  assertEquals(script.asked.length, 2);
  assertIdle();
});

Deno.test("coalesce -> retry: the latest deadline of those who wait counts", async () => {
  for (const [isPatientHere, attempts] of [[true, 2], [false, 1]] as const) {
    const { clock, script, policies, assertIdle } = play();
    const source = guard(script.source, policies.coalesce, policies.retry);
    const hasty = caller(source, {}, { deadline: 30 });
    const patient = caller(source, {}, { deadline: 1000 });
    await settled();
    if (!isPatientHere) patient.leave();
    script.at(0).answer(text("", 503));
    await clock.advance(50);
    assertEquals(script.asked.length, attempts);
    if (isPatientHere) {
      script.at(1).answerJson(1);
      assertEquals(await patient.outcome, "200");
    } else {
      assertEquals(await hasty.outcome, "503");
    }
    assertIdle();
  }
});

Deno.test("coalesce -> retry: when the first one leaves in the wait, the other gets its retry", async () => {
  const { clock, script, policies, assertIdle } = play();
  const source = guard(script.source, policies.coalesce, policies.retry);
  const [leader, follower] = [caller(source), caller(source)];
  script.at(0).fail(unreachable());
  await clock.advance(20);
  leader.leave();
  assertEquals(await leader.outcome, "cancelled");
  await clock.advance(30);
  script.at(1).answerJson(1);
  assertEquals(await follower.outcome, "200");
  assertIdle();
});

Deno.test("coalesce -> retry: when all leave during the wait, it ends, and a newcomer makes a new call", async () => {
  const { clock, script, policies, assertIdle } = play();
  const source = guard(script.source, policies.coalesce, policies.retry);
  const callers = [caller(source), caller(source)];
  script.at(0).fail(unreachable());
  await clock.advance(20);
  for (const { leave } of callers) leave();
  await settled();
  assertIdle();
  const next = caller(source);
  script.at(1).answerJson(1);
  assertEquals(await next.outcome, "200");
  await clock.advance(1000);
  assertEquals(script.asked.length, 2);
  assertIdle();
});

Deno.test("coalesce -> retry: many callers are one call to the budget", async () => {
  const { clock, script, policies: { coalesce } } = play();
  const budget = new RetryBudget({ share: 0.5, minPerSecond: 0, clock });
  const source = guard(
    script.source,
    coalesce,
    retry({
      attempts: 2,
      backoffMs: 0,
      maxBackoffMs: 0,
      methods: new Set(["GET"]),
      budget,
      clock,
      random: () => 0,
    }),
  );
  const callers = Array.from({ length: 10 }, () => caller(source));
  script.at(0).answer(text("", 503));
  await clock.advance(1);
  assertEquals(script.asked.length, 1);
  assertEquals(await Promise.all(callers.map(({ outcome }) => outcome)), Array(10).fill("503"));
});

Deno.test("retry -> bulkhead: a full queue is not retried", async () => {
  const { clock, script, semaphore, policies, assertIdle } = play({ queue: 0 });
  const source = guard(script.source, policies.retry, policies.bulkhead);
  const first = caller(source);
  assertEquals(await caller(source).outcome, "overloaded");
  assertEquals([clock.sleeping, semaphore.waiting], [0, 0]);
  script.at(0).answerJson(1);
  assertEquals(await first.outcome, "200");
  assertIdle();
});

Deno.test("retry -> bulkhead: an attempt gives its slot back before the wait", async () => {
  const { clock, script, semaphore, policies, assertIdle } = play();
  const source = guard(script.source, policies.retry, policies.bulkhead);
  const failing = caller(source, { path: "/failing" });
  const other = caller(source, { path: "/other" });
  script.at(0).answer(text("", 503));
  await settled();
  assertEquals(script.asked.map(({ call }) => call.path), ["/failing", "/other"]);
  assertEquals([semaphore.running, semaphore.waiting, clock.sleeping], [1, 0, 1]);
  await clock.advance(50);
  // Its second attempt queues like any other.
  assertEquals([script.asked.length, semaphore.waiting], [2, 1]);
  script.at(1).answerJson(1);
  assertEquals(await other.outcome, "200");
  await settled();
  script.at(2).answerJson(1);
  assertEquals(await failing.outcome, "200");
  assertIdle();
});

Deno.test("retry -> bulkhead: a second attempt that finds the queue full ends the call", async () => {
  const { clock, script, policies, assertIdle } = play();
  const source = guard(script.source, policies.retry, policies.bulkhead);
  const failing = caller(source);
  script.at(0).fail(unreachable());
  await settled();
  const others = [caller(source), caller(source)];
  await clock.advance(50);
  assertEquals(await failing.outcome, "overloaded");
  script.at(1).answerJson(1);
  await settled();
  script.at(2).answerJson(1);
  await Promise.all(others.map(({ asked }) => asked));
  assertIdle();
});

Deno.test("retry -> bulkhead: a turn that comes after the deadline is not waited for twice", async () => {
  const { clock, script, policies, assertIdle } = play();
  const source = guard(script.source, policies.retry, policies.bulkhead);
  const first = caller(source);
  const late = caller(source, {}, { deadline: 80 });
  await clock.advance(80);
  script.at(0).answerJson(1);
  assertEquals(await late.outcome, "deadline-exceeded");
  assertEquals(await first.outcome, "200");
  await clock.advance(1000);
  assertEquals(script.asked.length, 1);
  assertIdle();
});

Deno.test("retry -> timeout with a blocked source: each attempt has its own time", async () => {
  const { clock, script, policies, assertIdle } = play();
  const source = guard(script.source, policies.retry, policies.timeout);
  const { outcome } = caller(source);
  for (const [index, begins] of [0, 150, 300].entries()) {
    await clock.advance(begins - clock.monotonic());
    assertEquals(script.asked.length, index + 1);
    assertEquals(script.at(index).ctx.deadline, begins + 100);
    await clock.advance(99);
    assertEquals(script.at(index).ctx.signal.aborted, false);
    await clock.advance(1);
    assertEquals(script.at(index).ctx.signal.reason.kind, "upstream-timeout");
    assertEquals(script.inFlight, 0);
  }
  assertEquals([await outcome, clock.monotonic()], ["upstream-timeout", 400]);
  assertIdle();
});

Deno.test("retry -> timeout with a blocked source, then a response", async () => {
  const { clock, script, policies, assertIdle } = play();
  const { outcome } = caller(guard(script.source, policies.retry, policies.timeout));
  await clock.advance(150);
  script.at(1).answerJson(1);
  assertEquals(await outcome, "200");
  assertIdle();
});

Deno.test("retry -> timeout: the last attempt gets what the deadline leaves", async () => {
  const { clock, script, policies, assertIdle } = play();
  const request = new AbortController();
  const late = new GatewayError("deadline-exceeded", "late");
  clock.sleep(200).then(() => request.abort(late));
  const source = guard(script.source, policies.retry, policies.timeout);
  const asked = source(testCall(), testContext({ signal: request.signal, deadline: 200 }));
  const failed = assertRejects(() => asked);
  await clock.advance(150);
  assertEquals(script.at(1).ctx.deadline, 200);
  await clock.advance(50);
  assertStrictEquals(await failed, late);
  await clock.advance(1000);
  assertEquals(script.asked.length, 2);
  assertIdle();
});

Deno.test("retry -> timeout: no wait is begun that would end at the deadline", async () => {
  const { clock, script, policies, assertIdle } = play();
  const source = guard(script.source, policies.retry, policies.timeout);
  const { outcome } = caller(source, {}, { deadline: 150 });
  await clock.advance(100);
  assertEquals(await outcome, "upstream-timeout");
  assertEquals(script.asked.length, 1);
  assertIdle();
});

Deno.test("retry -> timeout -> buffer: a body that drips too long is retried", async () => {
  const { clock, policies, assertIdle } = play({ attempts: 2 });
  const origins = [new ScriptedStream(), new ScriptedStream()];
  let asked = 0;
  const drip: Source = (_call, ctx) => {
    const origin = origins[asked++] ?? new ScriptedStream();
    return Promise.resolve(dripping(origin, ctx));
  };
  const { outcome } = caller(guard(drip, policies.retry, policies.timeout, policies.buffer));
  await clock.advance(90);
  origins[0]?.deliver("[");
  await clock.advance(60);
  assertEquals(asked, 2);
  origins[1]?.deliver("1");
  await settled();
  origins[1]?.end();
  assertEquals(await outcome, "200");
  assertIdle();
});

Deno.test("retry -> buffer: a truncated body is retried, one too large is not", async () => {
  for (const [isBroken, expected] of [[true, 2], [false, 1]] as const) {
    const { clock, script, policies, assertIdle } = play({ attempts: 2 });
    const origin = new ScriptedStream();
    const { outcome } = caller(guard(script.source, policies.retry, policies.buffer));
    script.at(0).answer(dripping(origin, script.at(0).ctx));
    await settled();
    if (isBroken) origin.fail(new TypeError("reset"));
    else origin.deliver("x".repeat(101));
    await clock.advance(50);
    assertEquals(script.asked.length, expected);
    if (isBroken) script.at(1).answerJson(1);
    assertEquals(await outcome, isBroken ? "200" : "upstream-invalid");
    assertIdle();
  }
});

Deno.test("bulkhead -> timeout: waiting in the queue does not count", async () => {
  const { clock, script, policies, assertIdle } = play();
  const source = guard(script.source, policies.bulkhead, policies.timeout);
  const first = caller(source);
  const second = caller(source);
  await clock.advance(99);
  script.at(0).answerJson(1);
  assertEquals(await first.outcome, "200");
  await clock.advance(99);
  assertEquals(script.at(1).ctx.deadline, 199);
  script.at(1).answerJson(1);
  assertEquals(await second.outcome, "200");
  assertIdle();
});

Deno.test("bulkhead -> timeout: a timed out call frees its slot for the next one", async () => {
  const { clock, script, semaphore, policies, assertIdle } = play();
  const source = guard(script.source, policies.bulkhead, policies.timeout);
  const first = caller(source);
  const second = caller(source);
  await clock.advance(100);
  assertEquals(await first.outcome, "upstream-timeout");
  assertEquals([script.asked.length, semaphore.running, semaphore.waiting], [2, 1, 0]);
  script.at(1).answerJson(1);
  assertEquals(await second.outcome, "200");
  assertIdle();
});

Deno.test("bulkhead -> timeout with a source that does not listen: the slot is held until it ends", async () => {
  const { clock, semaphore, policies, assertIdle } = play();
  const ended = Promise.withResolvers<Reply>();
  const { outcome } = caller(guard(() => ended.promise, policies.bulkhead, policies.timeout));
  await clock.advance(500);
  assertEquals([semaphore.running, clock.sleeping], [1, 0]);
  ended.resolve(json(1));
  await outcome;
  assertIdle();
});

Deno.test("bulkhead -> timeout -> function that does not listen: the slot is free at once", async () => {
  const { clock, semaphore, policies, assertIdle } = play();
  const stuck = functionSource(() => new Promise(() => {}));
  const { outcome } = caller(guard(stuck, policies.bulkhead, policies.timeout));
  await clock.advance(100);
  assertEquals([await outcome, semaphore.running], ["upstream-timeout", 0]);
  assertIdle();
});

Deno.test("timeout -> buffer -> transport: a response whose body is late is aborted at the transport", async () => {
  const { clock, script, policies, assertIdle } = play();
  const origin = new ScriptedStream();
  const { outcome } = caller(guard(script.source, policies.timeout, policies.buffer));
  script.at(0).answer(dripping(origin, script.at(0).ctx));
  await clock.advance(100);
  assertEquals(await outcome, "upstream-timeout");
  assertEquals(script.at(0).ctx.signal.reason.kind, "upstream-timeout");
  assertIdle();
});

Deno.test("buffer -> transport: who leaves within the body ends it", async () => {
  const { script, policies, assertIdle } = play();
  const origin = new ScriptedStream();
  const { outcome, leave } = caller(guard(script.source, policies.buffer));
  const body = Body.from({ stream: origin.stream });
  script.at(0).answer({ status: 200, headers: new Headers(), body });
  await settled();
  origin.deliver("[");
  await settled();
  leave();
  assertEquals(await outcome, "cancelled");
  assert(origin.isCancelled);
  assertIdle();
});

Deno.test("coalesce -> bulkhead: identical calls take one slot, and one place in the queue", async () => {
  const { script, semaphore, policies, assertIdle } = play();
  const source = guard(script.source, policies.coalesce, policies.bulkhead);
  const callers = ["/a", "/a", "/b", "/b", "/c"].map((path) => caller(source, { path }));
  await settled();
  assertEquals([semaphore.running, semaphore.waiting], [1, 1]);
  script.at(0).answerJson(1);
  await settled();
  script.at(1).answerJson(1);
  const outcomes = await Promise.all(callers.map(({ outcome }) => outcome));
  assertEquals(outcomes, ["200", "200", "200", "200", "overloaded"]);
  assertIdle();
});

Deno.test("coalesce -> timeout: a follower does not take an attempt past its timeout", async () => {
  const { clock, script, policies, assertIdle } = play();
  const source = guard(script.source, policies.coalesce, policies.timeout);
  // The first one's deadline comes before the timeout, the second one's long after it.
  const hasty = caller(source, {}, { deadline: 80 });
  await clock.advance(40);
  const patient = caller(source, {}, { deadline: 10_000 });
  await clock.advance(40);
  hasty.leave();
  assertEquals(await hasty.outcome, "cancelled");
  await clock.advance(20);
  await settled();
  assertEquals(script.inFlight, 0, "the attempt has had its 100 ms");
  assertEquals(await patient.outcome, "upstream-timeout");
  assertIdle();
});

Deno.test("coalesce -> timeout: those who come in time keep no stuck attempt alive for ever", async () => {
  const { clock, script, policies } = play();
  const source = guard(script.source, policies.coalesce, policies.timeout);
  const callers: ReturnType<typeof caller>[] = [];
  // A route whose deadline is shorter than its upstream's timeout, called every 30 ms.
  for (let index = 0; index < 20; index++) {
    const one = caller(source, {}, { deadline: clock.monotonic() + 90 });
    clock.sleep(90).then(one.leave);
    callers.push(one);
    await clock.advance(30);
  }
  await clock.advance(200);
  await Promise.all(callers.map(({ outcome }) => outcome));
  assert(script.asked.length >= 5, `asked ${script.asked.length} times in ${20 * 30} ms`);
});

/** The stack as it is built for a part, with a map that waits for the test. */
function playStack(timeoutMs = 100) {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const mapping: { readonly resolve: (value: unknown) => void }[] = [];
  const map: MapFunction = () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    mapping.push({ resolve });
    return promise;
  };
  const settings = parseConfig({
    upstreams: {
      it: {
        url: "http://it.example",
        timeout: `${timeoutMs}ms`,
        concurrency: { max: 1, queue: 1 },
        retry: { attempts: 3, backoff: "50ms", budget: { share: 1 } },
      },
    },
    routes: {
      "GET /": { gather: { part: { from: "it", map }, text: { from: "it", as: "text" } } },
    },
  }, () => undefined);
  const [route] = settings.routes;
  const [part, textPart] = route && "parts" in route ? route.parts : [];
  if (!part || !textPart) throw new Error("there are no parts");
  const upstream = upstreamState(part.upstream, script.source, clock);
  const deps = {
    upstream,
    cache: testCache(clock),
    limiter: testLimiter(clock),
    knowsClients: false,
    clock,
    random: () => 0.999,
    overload: new Overload({ lagMs: () => 0, now: () => 0 }),
  };
  const source = partStack(part, deps);
  const textSource = partStack(textPart, deps);
  const assertIdle = () => {
    const { semaphore: { running, waiting }, sharedCalls } = upstream;
    assertEquals(
      {
        running,
        waiting,
        sharedCalls: sharedCalls.size,
        sleeping: clock.sleeping,
        asked: script.inFlight,
      },
      { running: 0, waiting: 0, sharedCalls: 0, sleeping: 0, asked: 0 },
    );
  };
  return { clock, script, mapping, upstream, source, textSource, assertIdle };
}

type Stack = ReturnType<typeof playStack>;

/** How a call gets as far as each stage of its stack; the call for `/` waits there. */
const STAGES: Readonly<Record<string, (stack: Stack, ask: () => void) => Promise<unknown>>> = {
  async "in line"({ source, script }, ask) {
    const other = caller(source, { path: "/other" });
    ask();
    await settled();
    script.at(0).ctx.signal.addEventListener("abort", () => {}, { once: true });
    return other;
  },
  async "in its attempt"(_stack, ask) {
    ask();
    await settled();
  },
  async "within the body"({ script }, ask) {
    ask();
    const origin = new ScriptedStream();
    await settled();
    script.at(0).answer(dripping(origin, script.at(0).ctx));
    await settled();
    origin.deliver("[");
    await settled();
  },
  async "in the wait for another attempt"({ script, clock }, ask) {
    ask();
    await settled();
    script.at(0).answer(text("", 503));
    await clock.advance(20);
    assertEquals(clock.sleeping, 1);
  },
  async "in its second attempt"({ script, clock }, ask) {
    ask();
    await clock.advance(150);
    assertEquals(script.asked.length, 2);
  },
  async "in line for its second attempt"({ source, script, clock, upstream }, ask) {
    ask();
    await settled();
    script.at(0).fail(unreachable());
    await settled();
    const other = caller(source, { path: "/other" });
    await clock.advance(50);
    assertEquals([upstream.semaphore.waiting, upstream.semaphore.running], [1, 1]);
    return other;
  },
  async "in the function that maps it"({ script, mapping }, ask) {
    ask();
    await settled();
    script.at(0).answerJson(1);
    await settled();
    assert(mapping.length > 0);
  },
};

for (const [stage, reach] of Object.entries(STAGES)) {
  for (const count of [1, 3]) {
    Deno.test(`shape -> … -> transport: ${count === 1 ? "one" : "all"} that leave ${stage} leave nothing`, async () => {
      const stack = playStack();
      const callers: ReturnType<typeof caller>[] = [];
      const ask = () => {
        for (let index = 0; index < count; index++) callers.push(caller(stack.source));
      };
      const other = await reach(stack, ask);
      for (const { leave } of callers) leave();
      const outcomes = await Promise.all(callers.map(({ outcome }) => outcome));
      assertEquals(outcomes, callers.map(() => "cancelled"));
      if (other) {
        const asked = stack.script.asked.find(({ call }) => call.path === "/other");
        asked?.answerJson(1);
        await settled();
        stack.mapping.at(-1)?.resolve(1);
      }
      await settled();
      await settled();
      stack.assertIdle();
      const made = stack.script.asked.length;
      await stack.clock.advance(10_000);
      assertEquals(stack.script.asked.length, made);
    });
  }
}

Deno.test("shape -> … -> transport: an attempt gives its slot back before the wait", async () => {
  const { clock, script, textSource, assertIdle } = playStack();
  const failing = caller(textSource, { path: "/failing" });
  const other = caller(textSource, { path: "/other" });
  script.at(0).answer(text("", 503));
  await settled();
  assertEquals(script.asked.map(({ call }) => call.path), ["/failing", "/other"]);
  script.at(1).answer(text("1"));
  assertEquals(await other.outcome, "200");
  await clock.advance(50);
  script.at(2).answer(text("2"));
  assertEquals(await failing.outcome, "200");
  assertIdle();
});

Deno.test("shape -> … -> transport: waiting in the queue is not part of an attempt", async () => {
  const { clock, script, textSource, assertIdle } = playStack();
  const first = caller(textSource, { path: "/first" });
  const second = caller(textSource, { path: "/second" });
  await clock.advance(99);
  script.at(0).answer(text("1"));
  await clock.advance(99);
  assertEquals([script.asked.length, script.inFlight], [2, 1]);
  script.at(1).answer(text("2"));
  assertEquals(await Promise.all([first.outcome, second.outcome]), ["200", "200"]);
  assertIdle();
});

Deno.test("shape -> … -> transport: a part that takes text and one that takes JSON share the call", async () => {
  const { script, mapping, source, textSource, assertIdle } = playStack();
  const one = caller(source);
  const other = caller(textSource);
  assertEquals(script.asked.length, 1);
  script.at(0).answer(text("[1]"));
  await settled();
  mapping[0]?.resolve([2]);
  const answers = await Promise.all(
    [one, other].map(async ({ asked }) => (await asked).body.json(99)),
  );
  assertEquals(answers, [[2], "[1]"]);
  assertIdle();
});

Deno.test("shape -> … -> transport: what one call went through, in its order", async () => {
  const { clock, script, mapping, source, assertIdle } = playStack();
  const { outcome } = caller(source);
  await clock.advance(100); // a timeout
  await clock.advance(50);
  script.at(1).answer(text("", 503));
  await settled();
  await clock.advance(100);
  script.at(2).answerJson({ n: 1 });
  await settled();
  assertEquals(mapping.length, 1);
  mapping[0]?.resolve({ n: 2 });
  assertEquals(await outcome, "200");
  assertIdle();
});

property(
  "shape -> … -> transport: whatever comes, each ends once and nothing is left",
  300,
  async (random) => {
    const { clock, script, mapping, upstream, source, assertIdle } = playStack(random.int(20, 150));
    interface Asking {
      readonly request: AbortController;
      readonly late: number;
      ends: number;
    }
    const all: Asking[] = [];
    let [answered, mapped] = [0, 0];
    const arrive = () => {
      const deadline = clock.monotonic() + random.int(10, 400);
      const asking: Asking = { request: new AbortController(), late: deadline, ends: 0 };
      all.push(asking);
      const path = random.pick(["/a", "/b", "/c"]);
      const ctx = testContext({ signal: asking.request.signal, deadline });
      const end = () => void asking.ends++;
      source(testCall({ path, method: random.pick(["GET", "GET", "POST"]) }), ctx).then(end, end);
    };
    const answer = () => {
      const asked = script.asked[answered++];
      if (!asked) return void answered--;
      const how = random.int(0, 9);
      if (how < 4) asked.answerJson(1);
      else if (how < 6) asked.answerJson(1, random.pick([503, 429, 404, 500]));
      else if (how < 8) asked.fail(unreachable());
      // Else it stays blocked, until its timeout or its callers end it.
    };
    const leaveLate = () => {
      for (const { request, late } of all) {
        if (late <= clock.monotonic()) request.abort(new GatewayError("deadline-exceeded", "late"));
      }
    };
    for (let step = 0; step < 80; step++) {
      const act = random.int(0, 9);
      if (act < 3) arrive();
      else if (act < 6) answer();
      else if (act < 7) mapping[mapped++]?.resolve(1);
      else if (act < 8 && all.length > 0) {
        random.pick(all).request.abort(new GatewayError("cancelled", "left"));
      } else {
        for (let ms = random.int(0, 40); ms > 0; ms--) {
          await clock.advance(1);
          leaveLate();
        }
      }
      if (random.bool(0.7)) await settled();
      assert(upstream.semaphore.running <= 1 && upstream.semaphore.waiting <= 1);
      assert(script.inFlight <= 1, "more at once than there are slots");
    }
    for (let ms = 0; ms < 500; ms += 10) {
      await clock.advance(10);
      leaveLate();
    }
    await settled();
    assertEquals(all.map(({ ends }) => ends), all.map(() => 1));
    assertIdle();
  },
);
