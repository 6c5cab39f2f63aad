import { assertEquals, assertRejects } from "@std/assert";
import { GatewayError } from "../../../lib/core/errors.ts";
import type { Context, Source } from "../../../lib/core/source.ts";
import { bucketShape } from "../../../lib/limiter/bucket.ts";
import { rate } from "../../../lib/policies/rate.ts";
import { testCall, testContext } from "../../support/context.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";
import { testLimiter } from "../../support/test_limiter.ts";

/** Ten calls a second, two at once. */
function play({ waitMs = 500, queue = 100 } = {}) {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const limiter = testLimiter(clock);
  const policy = (upstream = "up") =>
    rate({ upstream, limiter, shape: bucketShape(10, 1000, 2), waitMs, queue });
  const guarded = (source: Source, ctx: Partial<Context> = {}) =>
    source(testCall(), testContext({ deadline: clock.monotonic() + 60_000, ...ctx }));
  const source = policy()(script.source);
  const ask = (ctx: Partial<Context> = {}) => guarded(source, ctx);
  return { clock, script, limiter, policy, guarded, ask };
}

async function refusalOf(asked: Promise<unknown>): Promise<string> {
  const { kind, status, headers } = await assertRejects(() => asked, GatewayError);
  return `${kind} ${status} ${headers["retry-after"]}`;
}

Deno.test("calls within the burst are made at once, the others wait for their turn, in order", async () => {
  const { clock, script, ask } = play();
  for (let index = 0; index < 5; index++) ask({ deadline: 10_000 + index });
  await settled();
  assertEquals(script.asked.length, 2);
  await clock.advance(99);
  assertEquals(script.asked.length, 2);
  await clock.advance(1);
  assertEquals(script.asked.length, 3);
  await clock.advance(200);
  assertEquals(script.asked.map(({ ctx }) => ctx.deadline - 10_000), [0, 1, 2, 3, 4]);
});

Deno.test("a call that would wait for longer than it may is refused at once, with Retry-After", async () => {
  const { clock, script, ask } = play({ waitMs: 150 });
  for (let index = 0; index < 3; index++) ask();
  await settled();
  assertEquals(await refusalOf(ask()), "overloaded 503 1");
  await clock.advance(1000);
  assertEquals(script.asked.length, 3);
});

Deno.test("a call does not wait beyond its deadline, nor in a full queue", async () => {
  const { clock, ask } = play({ queue: 1 });
  ask();
  ask();
  await settled();
  assertEquals(await refusalOf(ask({ deadline: clock.monotonic() + 90 })), "overloaded 503 1");
  ask();
  await settled();
  assertEquals(await refusalOf(ask()), "overloaded 503 1");
});

Deno.test("a caller that leaves frees its place", async () => {
  const { clock, script, ask } = play();
  ask();
  ask();
  const request = new AbortController();
  const left = ask({ signal: request.signal });
  ask({ deadline: 12_345 });
  await settled();
  const gone = new GatewayError("cancelled", "the client went away");
  request.abort(gone);
  assertEquals(await assertRejects(() => left), gone);
  await clock.advance(100);
  assertEquals(script.asked[2]?.ctx.deadline, 12_345);
});

Deno.test("each upstream has a rate of its own, which all of its callers share", async () => {
  const { script, policy, guarded } = play();
  const sources = ["a", "a", "b"].map((name) => policy(name)(script.source));
  for (const source of sources) for (let index = 0; index < 2; index++) guarded(source);
  await settled();
  assertEquals(script.asked.length, 4);
});

Deno.test("a call that found no slot has not been made, and returns its token", async () => {
  const { clock, script, policy, guarded, ask } = play();
  const full = policy()(() => Promise.reject(new GatewayError("overloaded", "full")));
  for (let index = 0; index < 2; index++) await assertRejects(() => guarded(full), GatewayError);
  ask();
  ask();
  await settled();
  assertEquals(script.asked.length, 2);
  await clock.advance(0);
});

Deno.test("a call that fails has been made, and keeps its token", async () => {
  const { script, policy, guarded, ask } = play();
  const failing = policy()(() => Promise.reject(new GatewayError("upstream-error", "failed")));
  for (let index = 0; index < 2; index++) await assertRejects(() => guarded(failing), GatewayError);
  ask();
  await settled();
  assertEquals(script.asked.length, 0);
});
