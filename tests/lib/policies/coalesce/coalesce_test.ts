import { assert, assertEquals, assertFalse, assertRejects, assertStrictEquals } from "@std/assert";
import { Body } from "../../../../lib/core/body.ts";
import { GatewayError } from "../../../../lib/core/errors.ts";
import { SharedCalls } from "../../../../lib/policies/coalesce/shared_calls.ts";
import { bulkhead } from "../../../../lib/policies/bulkhead.ts";
import { coalesce } from "../../../../lib/policies/coalesce/coalesce.ts";
import { timeout } from "../../../../lib/policies/timeout.ts";
import { json } from "../../../../lib/json/json_reply.ts";
import { Semaphore } from "../../../../lib/async/semaphore.ts";
import { type Call, type Context, guard, type Reply } from "../../../../lib/core/source.ts";
import { testCall, testContext } from "../../../support/context.ts";
import { countListeners } from "../../../support/count_listeners.ts";
import { ManualClock, settled } from "../../../support/manual_clock.ts";
import { ScriptedSource } from "../../../support/scripted_source.ts";

function play() {
  const script = new ScriptedSource();
  const sharedCalls = new SharedCalls();
  const policy = coalesce({ calls: sharedCalls, scope: "s" });
  const source = policy(script.source);
  return { script, sharedCalls, policy, source };
}

/** A caller that can leave. */
function caller(
  { source }: Pick<ReturnType<typeof play>, "source">,
  call: Partial<Call> = {},
  ctx: Partial<Context> = {},
) {
  const request = new AbortController();
  const left = new GatewayError("cancelled", "the client went away");
  const asked = source(testCall(call), testContext({ signal: request.signal, ...ctx }));
  asked.catch(() => {});
  return { asked, left, leave: () => request.abort(left) };
}

Deno.test("a single call passes, with its own signal", async () => {
  const { script, sharedCalls, source } = play();
  const call = testCall({ path: "/x" });
  const ctx = testContext({ deadline: 500 });
  const asked = source(call, ctx);
  assertStrictEquals(script.at(0).call, call);
  const { signal, ...rest } = script.at(0).ctx;
  const { signal: own, ...expected } = ctx;
  assertEquals({ ...rest }, { span: undefined, ...expected });
  assertStrictEquals(rest.trace, ctx.trace);
  assert(signal !== own && !signal.aborted);
  assertEquals(sharedCalls.size, 1);
  const reply = json(1);
  script.at(0).answer(reply);
  assertStrictEquals(await asked, reply);
  assertEquals(sharedCalls.size, 0);
});

Deno.test("identical calls are made once, and all callers get the same reply", async () => {
  const played = play();
  const all = [1, 2, 3].map(() => caller(played).asked);
  assertEquals(played.script.asked.length, 1);
  const reply = json(1);
  played.script.at(0).answer(reply);
  for (const asked of all) assertStrictEquals(await asked, reply);
  assertEquals(played.sharedCalls.size, 0);
});

Deno.test("identical calls are made once, and all callers get the same error", async () => {
  const played = play();
  const all = [1, 2, 3].map(() => caller(played).asked);
  const error = new GatewayError("upstream-error", "no");
  played.script.at(0).fail(error);
  for (const asked of all) assertStrictEquals(await assertRejects(() => asked), error);
  assertEquals([played.sharedCalls.size, played.script.asked.length], [0, 1]);
});

Deno.test("a source that throws fails its callers, and is not under way", async () => {
  const { sharedCalls, policy } = play();
  const error = new GatewayError("internal", "no promise");
  const source = policy(() => {
    throw error;
  });
  assertStrictEquals(await assertRejects(() => caller({ source }).asked), error);
  assertEquals(sharedCalls.size, 0);
});

Deno.test("a call after the end is a new call, even in the first reaction to it", async () => {
  const played = play();
  for (const end of ["answer", "fail"] as const) {
    const again = caller(played).asked.then(
      () => played.sharedCalls.size,
      () => played.sharedCalls.size,
    );
    const asked = played.script.asked.length;
    if (end === "answer") played.script.at(asked - 1).answerJson(1);
    else played.script.at(asked - 1).fail(new GatewayError("upstream-error", "no"));
    assertEquals(await again, 0);
    assertEquals(played.script.asked.length, asked);
  }
});

Deno.test("safe methods are coalesced, others are not", () => {
  for (const method of ["GET", "HEAD", "OPTIONS"]) {
    const played = play();
    caller(played, { method });
    caller(played, { method });
    assertEquals(played.script.asked.length, 1, method);
  }
  for (const method of ["POST", "PUT", "PATCH", "DELETE", "get"]) {
    const played = play();
    caller(played, { method });
    caller(played, { method });
    assertEquals([played.script.asked.length, played.sharedCalls.size], [2, 0], method);
  }
});

Deno.test("a call that is not shared passes unchanged", async () => {
  const { script, source } = play();
  const calls = [
    testCall({ method: "POST" }),
    testCall({ body: Body.of(new Uint8Array(1)) }),
  ];
  for (const [index, call] of calls.entries()) {
    const ctx = testContext();
    const asked = source(call, ctx);
    assertStrictEquals(script.at(index).call, call);
    assertStrictEquals(script.at(index).ctx, ctx);
    script.at(index).answerJson(1);
    await asked;
  }
});

Deno.test("different calls are not shared, and end independently", async () => {
  const played = play();
  const others: [Partial<Call>, Partial<Context>][] = [
    [{}, {}],
    [{ path: "/other" }, {}],
    [{ method: "HEAD" }, {}],
    [{ headers: new Headers({ a: "1" }) }, {}],
    [{}, { client: { address: "192.0.2.2" } }],
    [{}, { client: { address: "192.0.2.1", name: "ann" } }],
    [{}, { client: { address: "192.0.2.9", name: "192.0.2.1" } }],
  ];
  const all = others.map(([call, ctx]) => caller(played, call, ctx).asked);
  assertEquals([played.script.asked.length, played.sharedCalls.size], [7, 7]);
  for (const [call, ctx] of others) caller(played, call, ctx);
  assertEquals(played.script.asked.length, 7);
  for (const index of [3, 0, 1, 2, 6, 5, 4]) {
    const reply = json(index);
    played.script.at(index).answer(reply);
    assertStrictEquals(await all[index], reply);
  }
  assertEquals(played.sharedCalls.size, 0);
});

Deno.test("stacks of one scope share what is under way, those of another do not", () => {
  const { script, sharedCalls, source } = play();
  const same = coalesce({ calls: sharedCalls, scope: "s" })(script.source);
  const other = coalesce({ calls: sharedCalls, scope: "t" })(script.source);
  caller({ source });
  caller({ source: same });
  assertEquals(script.asked.length, 1);
  caller({ source: other });
  assertEquals([script.asked.length, sharedCalls.size], [2, 2]);
});

Deno.test("a caller that leaves gets its own reason at once, and the others their reply", async () => {
  for (const leaving of [0, 1, 2]) {
    const played = play();
    const all = [1, 2, 3].map(() => caller(played));
    for (const [index, { asked, left, leave }] of all.entries()) {
      if (index !== leaving) continue;
      leave();
      assertStrictEquals(await assertRejects(() => asked), left);
    }
    assertFalse(played.script.at(0).ctx.signal.aborted);
    played.script.at(0).answerJson(1);
    const outcomes = await Promise.allSettled(all.map(({ asked }) => asked));
    assertEquals(outcomes.filter(({ status }) => status === "fulfilled").length, 2);
    assertEquals(played.sharedCalls.size, 0);
  }
});

Deno.test("when the last one leaves, the call ends for its reason, and nothing is under way", async () => {
  const played = play();
  const [first, second] = [caller(played), caller(played)];
  second.leave();
  first.leave();
  assertStrictEquals(played.script.at(0).ctx.signal.reason, first.left);
  assertEquals(played.sharedCalls.size, 0);
  assertStrictEquals(await assertRejects(() => second.asked), second.left);
  assertStrictEquals(await assertRejects(() => first.asked), first.left);
  assertEquals(played.script.inFlight, 0);
});

Deno.test("the last one to leave is held until the call has really ended, and learns its reason", async () => {
  for (const end of ["answer", "fail"] as const) {
    const { sharedCalls, policy } = play();
    const ending = Promise.withResolvers<Reply>();
    const source = policy(() => ending.promise);
    const { asked, left, leave } = caller({ source });
    let isSettled = false;
    const outcome = assertRejects(() => asked).finally(() => isSettled = true);
    leave();
    await settled();
    assertFalse(isSettled);
    assertEquals(sharedCalls.size, 0);
    if (end === "answer") ending.resolve(json(1));
    else ending.reject(new GatewayError("upstream-error", "no"));
    assertStrictEquals(await outcome, left);
  }
});

Deno.test("a caller after the last one left makes a new call, while the old one still ends", async () => {
  const { sharedCalls, policy } = play();
  const endings: PromiseWithResolvers<Reply>[] = [];
  const source = policy(() => {
    const ending = Promise.withResolvers<Reply>();
    endings.push(ending);
    return ending.promise;
  });
  const old = caller({ source });
  old.leave();
  const fresh = caller({ source });
  assertEquals([endings.length, sharedCalls.size], [2, 1]);
  endings[0]?.resolve(json(1));
  assertStrictEquals(await assertRejects(() => old.asked), old.left);
  assertEquals(sharedCalls.size, 1);
  caller({ source });
  assertEquals(endings.length, 2);
  const reply = json(2);
  endings[1]?.resolve(reply);
  assertStrictEquals(await fresh.asked, reply);
  assertEquals(sharedCalls.size, 0);
});

Deno.test("a caller that leaves at the moment of the reply has left", async () => {
  const played = play();
  const [stays, leaves] = [caller(played), caller(played)];
  played.script.at(0).answerJson(1);
  leaves.leave();
  await stays.asked;
  assertStrictEquals(await assertRejects(() => leaves.asked), leaves.left);
});

Deno.test("a caller that has left already neither calls nor joins", async () => {
  const { script, sharedCalls, source } = play();
  const left = new GatewayError("cancelled", "the client went away");
  const gone = () => source(testCall(), testContext({ signal: AbortSignal.abort(left) }));
  assertStrictEquals(await assertRejects(gone), left);
  assertEquals([script.asked.length, sharedCalls.size], [0, 0]);
  const stays = caller({ source });
  assertStrictEquals(await assertRejects(gone), left);
  script.at(0).answerJson(1);
  await stays.asked;
});

Deno.test("the call may take as long as the most patient of those who wait now", () => {
  const played = play();
  const ctxOf = () => played.script.at(0).ctx.deadline;
  const a = caller(played, {}, { deadline: 200 });
  assertEquals(ctxOf(), 200);
  const b = caller(played, {}, { deadline: 100 });
  assertEquals(ctxOf(), 200);
  const c = caller(played, {}, { deadline: 300 });
  caller(played, {}, { deadline: 50 });
  assertEquals(ctxOf(), 300);
  b.leave();
  assertEquals(ctxOf(), 300);
  c.leave();
  assertEquals(ctxOf(), 200);
  const d = caller(played, {}, { deadline: 200 });
  a.leave();
  assertEquals(ctxOf(), 200);
  d.leave();
  assertEquals(ctxOf(), 50);
});

Deno.test("the call is the first one's, with its client, trace and background, even when it left", () => {
  const played = play();
  const { signal: _, ...ctx } = testContext({ client: { address: "192.0.2.1", name: "ann" } });
  const first = caller(played, {}, ctx);
  caller(played, {}, { client: { address: "192.0.2.2", name: "ann" } });
  first.leave();
  assertEquals([played.script.asked.length, played.script.inFlight], [1, 1]);
  const inner = played.script.at(0).ctx;
  assertStrictEquals(inner.client, ctx.client);
  assertStrictEquals(inner.trace, ctx.trace);
  assertStrictEquals(inner.background, ctx.background);
});

Deno.test("no listener stays on a signal that lives long", async () => {
  const { script, source } = play();
  const { signal } = new AbortController();
  const listeners = countListeners(signal);
  for (const end of ["answer", "fail"] as const) {
    const all = [1, 2].map(() => source(testCall(), testContext({ signal })));
    assertEquals(listeners.count, 2);
    const asked = script.asked.length;
    if (end === "answer") script.at(asked - 1).answerJson(1);
    else script.at(asked - 1).fail(new GatewayError("upstream-error", "no"));
    await Promise.allSettled(all);
    assertEquals(listeners.count, 0);
  }
});

Deno.test("callers that share a signal leave together, and the call ends", async () => {
  const played = play();
  const request = new AbortController();
  const all = [1, 2].map(() => caller(played, {}, { signal: request.signal }).asked);
  const left = new GatewayError("cancelled", "the client went away");
  request.abort(left);
  for (const asked of all) assertStrictEquals(await assertRejects(() => asked), left);
  assertEquals([played.script.inFlight, played.sharedCalls.size], [0, 0]);
});

Deno.test("coalesce -> bulkhead: those who wait together take one slot", async () => {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const sharedCalls = new SharedCalls();
  const semaphore = new Semaphore({ max: 1, queue: 1 });
  const source = guard(
    script.source,
    coalesce({ calls: sharedCalls, scope: "s" }),
    bulkhead({ semaphore, clock }),
  );
  const all = ["/a", "/a", "/b", "/b", "/b"].map((path) => caller({ source }, { path }));
  assertEquals([semaphore.running, semaphore.waiting, sharedCalls.size], [1, 1, 2]);
  const refused = await assertRejects(() => caller({ source }, { path: "/c" }).asked, GatewayError);
  assertEquals([refused.kind, sharedCalls.size], ["overloaded", 2]);
  script.at(0).answerJson(1);
  await settled();
  script.at(1).answerJson(2);
  await Promise.all(all.map(({ asked }) => asked));
  assertEquals([script.asked.length, semaphore.running, sharedCalls.size], [2, 0, 0]);
});

Deno.test("coalesce -> bulkhead: when all callers have left, their place in the queue is free", async () => {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const sharedCalls = new SharedCalls();
  const semaphore = new Semaphore({ max: 1, queue: 1 });
  const source = guard(
    script.source,
    coalesce({ calls: sharedCalls, scope: "s" }),
    bulkhead({ semaphore, clock }),
  );
  const runs = caller({ source }, { path: "/a" });
  const waiting = [1, 2].map(() => caller({ source }, { path: "/b" }));
  for (const { leave } of waiting) leave();
  assertEquals([semaphore.waiting, sharedCalls.size], [0, 1]);
  for (const { asked, left } of waiting) {
    assertStrictEquals(await assertRejects(() => asked), left);
  }
  runs.leave();
  assertStrictEquals(await assertRejects(() => runs.asked), runs.left);
  await settled();
  assertEquals([semaphore.running, script.asked.length], [0, 1]);
});

Deno.test("coalesce -> bulkhead: the turn is late only when it is for the most patient", async () => {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const semaphore = new Semaphore({ max: 1, queue: 1 });
  const source = guard(
    script.source,
    coalesce({ calls: new SharedCalls(), scope: "s" }),
    bulkhead({ semaphore, clock }),
  );
  caller({ source }, { path: "/a" });
  caller({ source }, { path: "/b" }, { deadline: 50 });
  const patient = caller({ source }, { path: "/b" }, { deadline: 100 });
  await clock.advance(99);
  script.at(0).answerJson(1);
  await settled();
  script.at(1).answerJson(2);
  assertEquals((await patient.asked).status, 200);
});

Deno.test("coalesce -> timeout: the first one's attempt is everyone's", async () => {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const sharedCalls = new SharedCalls();
  const source = guard(
    script.source,
    coalesce({ calls: sharedCalls, scope: "s" }),
    timeout({ timeoutMs: 100, clock }),
  );
  const first = assertRejects(() => caller({ source }).asked, GatewayError);
  await clock.advance(60);
  const second = assertRejects(() => caller({ source }).asked, GatewayError);
  await clock.advance(40);
  const error = await first;
  assertEquals(error.kind, "upstream-timeout");
  assertStrictEquals(await second, error);
  assertEquals([clock.sleeping, sharedCalls.size, script.inFlight], [0, 0, 0]);
});

Deno.test("timeout -> coalesce: each has its own timeout, and the last one ends the call", async () => {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const sharedCalls = new SharedCalls();
  const source = guard(
    script.source,
    timeout({ timeoutMs: 100, clock }),
    coalesce({ calls: sharedCalls, scope: "s" }),
  );
  const first = assertRejects(() => caller({ source }).asked, GatewayError);
  await clock.advance(60);
  const second = assertRejects(() => caller({ source }).asked, GatewayError);
  await clock.advance(40);
  assertEquals((await first).kind, "upstream-timeout");
  assertEquals([script.inFlight, sharedCalls.size], [1, 1]);
  await clock.advance(60);
  assertEquals((await second).kind, "upstream-timeout");
  assertEquals([clock.sleeping, sharedCalls.size, script.inFlight], [0, 0, 0]);
});
