import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { GatewayError } from "../../../lib/errors.ts";
import { timeout } from "../../../lib/policies/timeout.ts";
import { json } from "../../../lib/reply.ts";
import { testCall, testContext } from "../../support/context.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";

function play(timeoutMs = 100) {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  return { clock, script, source: timeout({ timeoutMs, clock })(script.source) };
}

Deno.test("an answer in time comes as it is, and no timer stays", async () => {
  const { clock, script, source } = play();
  const call = testCall({ path: "/x" });
  const asked = source(call, testContext());
  await clock.advance(99);
  const reply = json(1);
  script.at(0).answer(reply);
  assertStrictEquals(await asked, reply);
  assertStrictEquals(script.at(0).call, call);
  assertEquals(clock.sleeping, 0);
});

Deno.test("an attempt that takes too long is aborted, and says so", async () => {
  const { clock, script, source } = play();
  const asked = assertRejects(() => source(testCall(), testContext()), GatewayError);
  await clock.advance(100);
  const error = await asked;
  assertEquals([error.kind, error.message], ["upstream-timeout", "no answer within 100 ms"]);
  assertStrictEquals(script.at(0).ctx.signal.reason, error);
  assertEquals([script.inFlight, clock.sleeping], [0, 0]);
});

Deno.test("a failure in time is passed on, and no timer stays", async () => {
  const { clock, script, source } = play();
  const asked = source(testCall(), testContext());
  const error = new GatewayError("upstream-error", "no");
  script.at(0).fail(error);
  assertStrictEquals(await assertRejects(() => asked), error);
  assertEquals(clock.sleeping, 0);
});

Deno.test("the end of the request ends the attempt, for the request's reason", async () => {
  const { clock, source } = play();
  const request = new AbortController();
  const asked = source(testCall(), testContext({ signal: request.signal }));
  await clock.advance(50);
  const left = new GatewayError("cancelled", "the client went away");
  request.abort(left);
  assertStrictEquals(await assertRejects(() => asked), left);
  assertEquals(clock.sleeping, 0);
});

Deno.test("a deadline that comes first needs no timer of its own", async () => {
  for (const deadline of [40, 100]) {
    const { clock, script, source } = play();
    const ctx = testContext({ deadline });
    const asked = source(testCall(), ctx);
    await settled();
    assertEquals(clock.sleeping, 0);
    assertStrictEquals(script.at(0).ctx, ctx);
    script.at(0).answerJson(1);
    await asked;
  }
});

Deno.test("what is left of the deadline counts, not what it was", async () => {
  const { clock, script, source } = play();
  await clock.advance(1000);
  const late = source(testCall(), testContext({ deadline: 1050 }));
  await settled();
  assertEquals(clock.sleeping, 0);
  const early = source(testCall(), testContext({ deadline: 1101 }));
  await settled();
  assertEquals(clock.sleeping, 1);
  script.at(0).answerJson(1);
  script.at(1).answerJson(1);
  await Promise.all([late, early]);
});

Deno.test("the context is the request's own but for its signal", async () => {
  const { script, source } = play();
  const ctx = testContext({ deadline: 500 });
  const asked = source(testCall(), ctx);
  script.at(0).answerJson(1);
  await asked;
  const { signal, ...rest } = script.at(0).ctx;
  const { signal: requestSignal, ...expected } = ctx;
  assertEquals(rest, expected);
  assert(signal !== requestSignal && !signal.aborted);
});
