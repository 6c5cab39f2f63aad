import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Body } from "../../../../lib/core/body.ts";
import { GatewayError } from "../../../../lib/core/errors.ts";
import type { Call, Context, Reply } from "../../../../lib/core/source.ts";
import { json } from "../../../../lib/json/json_reply.ts";
import { hedge } from "../../../../lib/policies/hedge/hedge.ts";
import { HedgeBudget } from "../../../../lib/policies/hedge/hedge_budget.ts";
import { type HedgeAfter, HedgeDelay } from "../../../../lib/policies/hedge/hedge_delay.ts";
import { RetryBudget } from "../../../../lib/policies/retry/retry_budget.ts";
import { testCall, testContext } from "../../../support/context.ts";
import { countListeners } from "../../../support/count_listeners.ts";
import { ManualClock, settled } from "../../../support/manual_clock.ts";
import { ScriptedSource } from "../../../support/scripted_source.ts";
import { ScriptedStream } from "../../../support/scripted_stream.ts";

interface Play {
  readonly after?: HedgeAfter;
  readonly share?: number;
  readonly retries?: { readonly share: number; readonly minPerSecond: number };
  readonly countsCalls?: boolean;
}

function play(
  { after = { ms: 80 }, share = 1, retries = { share: 1, minPerSecond: 0 }, countsCalls = true }:
    Play = {},
) {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const retryBudget = new RetryBudget({ ...retries, clock });
  const source = hedge({
    delay: new HedgeDelay(after, clock),
    budget: new HedgeBudget(share),
    retryBudget,
    countsCalls,
    methods: new Set(["GET"]),
    hasTargets: true,
    clock,
  })(script.source);
  const ask = (ctx: Partial<Context> = {}, call: Partial<Call> = {}) =>
    source(testCall(call), testContext(ctx));
  const assertIdle = () => assertEquals([script.inFlight, clock.sleeping], [0, 0]);
  return { clock, script, retryBudget, ask, assertIdle };
}

const unreachable = (detail = "refused") => new GatewayError("upstream-unreachable", detail);

async function errorOf(asked: Promise<unknown>): Promise<string> {
  const { kind, message } = await assertRejects(() => asked, GatewayError);
  return `${kind}: ${message}`;
}

Deno.test("a call in time passes unchanged, and is made once", async () => {
  const { clock, script, ask, assertIdle } = play();
  const asked = ask({ deadline: 1234 });
  await clock.advance(79);
  assertEquals(script.at(0).ctx.deadline, 1234);
  const reply = json(1);
  script.at(0).answer(reply);
  assertStrictEquals(await asked, reply);
  await clock.advance(1000);
  assertEquals(script.asked.length, 1);
  assertIdle();
});

Deno.test("a slow call is made again after the delay, and the second reply wins", async () => {
  const { clock, script, ask, assertIdle } = play();
  const asked = ask({}, { path: "/7" });
  await clock.advance(80);
  assertEquals(script.asked.map(({ call: { path } }) => path), ["/7", "/7"]);
  const reply = json(2);
  script.at(1).answer(reply);
  assertStrictEquals(await asked, reply);
  const { reason } = script.at(0).ctx.signal;
  assertEquals(reason instanceof GatewayError && reason.kind, "cancelled");
  assertIdle();
});

Deno.test("the first reply wins too, and the second call is cancelled at once", async () => {
  const { clock, script, ask, assertIdle } = play();
  const asked = ask();
  await clock.advance(80);
  const reply = json(1);
  script.at(0).answer(reply);
  assertStrictEquals(await asked, reply);
  assertEquals(script.at(1).ctx.signal.aborted, true);
  assertIdle();
});

Deno.test("when both reply at once, one wins and the other's body is released", async () => {
  const { clock, script, ask, assertIdle } = play();
  const asked = ask();
  await clock.advance(80);
  const streams = [new ScriptedStream(), new ScriptedStream()] as const;
  for (const [index, { stream }] of streams.entries()) {
    script.at(index).answer({
      status: 200,
      headers: new Headers(),
      body: Body.from({ stream }),
    });
  }
  await asked;
  assertEquals(streams.map(({ isCancelled }) => isCancelled).sort(), [false, true]);
  assertIdle();
});

Deno.test("there is at most one second call", async () => {
  const { clock, script, ask } = play();
  const asked = ask();
  await clock.advance(10_000);
  assertEquals(script.asked.length, 2);
  script.at(0).answerJson(1);
  await asked;
});

Deno.test("a first call that fails before the delay fails the whole: that is for retries", async () => {
  const { clock, script, ask, assertIdle } = play();
  const error = errorOf(ask());
  script.at(0).fail(unreachable());
  assertEquals(await error, "upstream-unreachable: refused");
  await clock.advance(1000);
  assertEquals(script.asked.length, 1);
  assertIdle();
});

Deno.test("a call that fails does not end the whole while the other runs", async (t) => {
  for (const [failing, replying] of [[0, 1], [1, 0]] as const) {
    await t.step(`call ${failing} fails`, async () => {
      const { clock, script, ask, assertIdle } = play();
      const asked = ask();
      await clock.advance(80);
      script.at(failing).fail(unreachable());
      await clock.advance(10);
      const reply = json(replying);
      script.at(replying).answer(reply);
      assertStrictEquals(await asked, reply);
      assertIdle();
    });
  }
});

Deno.test("when both fail, the error is the first call's", async (t) => {
  for (const order of [[0, 1], [1, 0]]) {
    await t.step(order.join(" before "), async () => {
      const { clock, script, ask, assertIdle } = play();
      const error = errorOf(ask());
      await clock.advance(80);
      for (const index of order) {
        script.at(index).fail(unreachable(`call ${index}`));
        await settled();
      }
      assertEquals(await error, "upstream-unreachable: call 0");
      assertIdle();
    });
  }
});

Deno.test("a reply of a transient failure waits for the other call, which may be better", async (t) => {
  const cases: readonly (readonly [first: number, second: number, won: number])[] = [
    [503, 200, 1],
    [503, 404, 1],
    [503, 429, 0],
    [200, 503, 0],
  ];
  for (const [first, second, won] of cases) {
    await t.step(`${first}, ${second}`, async () => {
      const { clock, script, ask, assertIdle } = play();
      const asked = ask();
      await clock.advance(80);
      const replies: readonly Reply[] = [json(1, first), json(2, second)];
      const order = first === 503 ? [0, 1] : [1, 0];
      for (const index of order) {
        const [reply] = replies.slice(index);
        if (reply) script.at(index).answer(reply);
        await settled();
      }
      assertEquals((await asked).status, won === 0 ? first : second);
      assertIdle();
    });
  }
});

Deno.test("a second call's failed reply is used when the first call has none", async () => {
  const { clock, script, ask } = play();
  const asked = ask();
  await clock.advance(80);
  script.at(1).answerJson("busy", 503);
  await settled();
  script.at(0).fail(unreachable());
  assertEquals((await asked).status, 503);
});

Deno.test("a caller that leaves cancels both calls", async () => {
  const { clock, script, ask, assertIdle } = play();
  const request = new AbortController();
  const listeners = countListeners(request.signal);
  const asked = ask({ signal: request.signal });
  await clock.advance(80);
  request.abort(new GatewayError("cancelled", "the client went away"));
  assertEquals(await errorOf(asked), "cancelled: the client went away");
  assertEquals(script.asked.map(({ ctx }) => ctx.signal.aborted), [true, true]);
  assertEquals(listeners.count, 0);
  assertIdle();
});

Deno.test("a caller that leaves before the delay causes no second call", async () => {
  const { clock, script, ask, assertIdle } = play();
  const request = new AbortController();
  const asked = ask({ signal: request.signal });
  await clock.advance(79);
  request.abort(new GatewayError("cancelled", "the client went away"));
  await errorOf(asked);
  await clock.advance(100);
  assertEquals(script.asked.length, 1);
  assertIdle();
});

Deno.test("methods that the config does not name are not hedged, nor are streamed bodies", async () => {
  const { clock, script, ask, assertIdle } = play();
  const { stream } = new ScriptedStream();
  const all = [
    ask({}, { method: "POST" }),
    ask({}, { body: Body.from({ stream }) }),
  ];
  await clock.advance(1000);
  assertEquals(script.asked.length, 2);
  for (const { answerJson } of script.asked) answerJson(1);
  await Promise.all(all);
  assertIdle();
});

Deno.test("hedges are a share of the calls", async () => {
  const { clock, script, ask } = play({ share: 0.25 });
  const all = Array.from({ length: 20 }, () => ask());
  await clock.advance(80);
  assertEquals(script.asked.length, 25);
  for (const { answerJson } of script.asked) answerJson(1);
  await Promise.all(all);
});

Deno.test("hedges and retries share one budget", async () => {
  const { clock, script, retryBudget, ask } = play({ retries: { share: 0.5, minPerSecond: 0 } });
  const all = Array.from({ length: 4 }, () => ask());
  assertEquals(retryBudget.withdraw(clock.monotonic()), true);
  await clock.advance(80);
  assertEquals(script.asked.length, 5);
  assertEquals(retryBudget.withdraw(clock.monotonic()), false);
  for (const { answerJson } of script.asked) answerJson(1);
  await Promise.all(all);
});

Deno.test("a hedge that the retry budget refuses is not taken from the share", async () => {
  const { clock, script, ask } = play({ retries: { share: 0, minPerSecond: 1 }, share: 0.5 });
  const all = [ask(), ask(), ask(), ask()];
  await clock.advance(80);
  assertEquals(script.asked.length, 5);
  for (const { answerJson } of script.asked) answerJson(1);
  await Promise.all(all);
  await clock.advance(1000);
  const more = ask();
  await clock.advance(80);
  assertEquals(script.asked.length, 7);
  for (const { answerJson } of script.asked) answerJson(1);
  await more;
});

Deno.test("a retry policy around it counts the calls", async () => {
  const { clock, script, ask } = play({ countsCalls: false });
  const asked = ask();
  await clock.advance(1000);
  assertEquals(script.asked.length, 1);
  script.at(0).answerJson(1);
  await asked;
});

Deno.test("calls that their request alone waits for are hedged first", async () => {
  const { clock, script, ask } = play({ share: 0.25 });
  const trace = (partsRunning: number) => ({ id: "test", parts: [], partsRunning });
  const all = [
    ...Array.from({ length: 10 }, () => ask({ trace: trace(3) })),
    ask({ trace: trace(1), isOptional: true }, { path: "/optional" }),
    ask({ trace: trace(1) }, { path: "/last" }),
  ];
  await clock.advance(80);
  assertEquals(script.asked.slice(12).map(({ call }) => call.path), ["/last"]);
  for (const { answerJson } of script.asked) answerJson(1);
  await Promise.all(all);
});

Deno.test("both calls note the targets that they tried in one list, which a retry may have begun", async () => {
  for (const tried of [undefined, [{}]]) {
    const { clock, script, ask } = play();
    const asked = ask({ tried });
    await clock.advance(80);
    assert(tried === undefined || script.at(0).ctx.tried === tried);
    assertStrictEquals(script.at(1).ctx.tried, script.at(0).ctx.tried);
    assert(script.at(0).ctx.tried);
    script.at(0).answerJson(1);
    await asked;
  }
});

/** Makes calls one after the other, each of which takes so long. */
async function warmUp({ clock, script, ask }: ReturnType<typeof play>, calls: number, ms: number) {
  for (let index = 0; index < calls; index++) {
    const asked = ask();
    await clock.advance(ms);
    script.asked.at(-1)?.answerJson(1);
    await asked;
  }
}

Deno.test("with a percentile there is no hedge before enough calls were observed", async () => {
  const world = play({ after: { quantile: 0.95 } });
  const { clock, script, ask, assertIdle } = world;
  await warmUp(world, 49, 10);
  const asked = ask();
  await clock.advance(1000);
  assertEquals(script.asked.length, 50);
  script.at(49).answerJson(1);
  await asked;
  assertIdle();
});

Deno.test("with a percentile a call is hedged once it is slower than that share of the calls", async () => {
  const world = play({ after: { quantile: 0.95 } });
  const { clock, script, ask, assertIdle } = world;
  await warmUp(world, 60, 10);
  const asked = ask();
  await clock.advance(9);
  assertEquals(script.asked.length, 61);
  await clock.advance(2);
  assertEquals(script.asked.length, 62);
  script.at(61).answerJson(1);
  await asked;
  assertIdle();
});

Deno.test("fast failures do not make an upstream look fast", async () => {
  const world = play({ after: { quantile: 0.5 } });
  const { clock, script, ask } = world;
  await warmUp(world, 60, 100);
  for (let index = 0; index < 200; index++) {
    const asked = ask();
    if (index % 2 === 0) script.asked.at(-1)?.fail(unreachable());
    else script.asked.at(-1)?.answerJson("busy", 503);
    await asked.catch(() => {});
  }
  const calls = script.asked.length;
  const asked = ask();
  await clock.advance(90);
  assertEquals(script.asked.length, calls + 1);
  script.asked.at(-1)?.answerJson(1);
  await asked;
});

Deno.test("a call that is slow to end after its caller has left causes no second call", async () => {
  const clock = new ManualClock();
  let calls = 0;
  const ending = Promise.withResolvers<Reply>();
  const source = hedge({
    delay: new HedgeDelay({ ms: 80 }, clock),
    budget: new HedgeBudget(1),
    retryBudget: new RetryBudget({ share: 1, minPerSecond: 0, clock }),
    countsCalls: true,
    methods: new Set(["GET"]),
    clock,
  })(() => {
    calls++;
    return ending.promise;
  });
  const request = new AbortController();
  const asked = source(testCall(), testContext({ signal: request.signal }));
  request.abort(new GatewayError("cancelled", "the client went away"));
  await clock.advance(200);
  ending.reject(request.signal.reason);
  await errorOf(asked);
  assertEquals(calls, 1);
});

Deno.test("the loser's body is released", async () => {
  const { clock, script, ask } = play();
  const asked = ask();
  await clock.advance(80);
  const busy = new ScriptedStream();
  const body = Body.from({ stream: busy.stream });
  script.at(0).answer({ status: 503, headers: new Headers(), body });
  await settled();
  script.at(1).answerJson(1);
  assertEquals((await asked).status, 200);
  assertEquals(busy.isCancelled, true);
});

Deno.test("callers that leave early do not make an upstream look fast", async () => {
  const world = play({ after: { quantile: 0.5 } });
  const { clock, script, ask } = world;
  await warmUp(world, 60, 100);
  for (let index = 0; index < 200; index++) {
    const request = new AbortController();
    const asked = ask({ signal: request.signal });
    request.abort(new GatewayError("cancelled", "the client went away"));
    await errorOf(asked);
  }
  const calls = script.asked.length;
  const asked = ask();
  await clock.advance(90);
  assertEquals(script.asked.length, calls + 1);
  script.at(calls).answerJson(1);
  await asked;
});

Deno.test("first calls that lost count as slow, so that hedging does not hide the tail", async () => {
  const world = play({ after: { quantile: 0.5 } });
  const { clock, script, ask } = world;
  await warmUp(world, 60, 10);
  for (let index = 0; index < 200; index++) {
    const asked = ask();
    await clock.advance(200);
    script.asked.at(-1)?.answerJson(1);
    await asked;
  }
  const calls = script.asked.length;
  const asked = ask();
  await clock.advance(100);
  assertEquals(script.asked.length, calls + 1);
  script.asked.at(-1)?.answerJson(1);
  await asked;
});
