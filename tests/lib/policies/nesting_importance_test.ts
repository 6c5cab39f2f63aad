import { assertEquals, assertRejects } from "@std/assert";
import { Semaphore } from "../../../lib/async/semaphore.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { type Context, guard } from "../../../lib/core/source.ts";
import { bulkhead } from "../../../lib/policies/bulkhead.ts";
import { coalesce } from "../../../lib/policies/coalesce/coalesce.ts";
import { shed } from "../../../lib/policies/shed/shed.ts";
import { RecentLatencies } from "../../../lib/policies/shed/recent_latencies.ts";
import { SharedCalls } from "../../../lib/policies/coalesce/shared_calls.ts";
import { testCall, testContext } from "../../support/context.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { play as playRetry, unreachable } from "../../support/retrying.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";

/** One slot, which a call has, and a queue. */
function play(queue: number) {
  const script = new ScriptedSource();
  const semaphore = new Semaphore({ max: 1, queue });
  const source = guard(
    script.source,
    coalesce({ calls: new SharedCalls(), scope: "" }),
    bulkhead({ semaphore, clock: new ManualClock() }),
  );
  const ask = (path: string, ctx: Partial<Context> = {}) => {
    const asked = source(testCall({ path }), testContext(ctx));
    asked.catch(() => {});
    return asked;
  };
  ask("/running");
  const called = () => script.asked.map(({ call }) => call.path);
  return { script, ask, called };
}

Deno.test("bulkhead with a full queue: an optional part gives way to a required one", async () => {
  const { script, ask, called } = play(1);
  const optional = ask("/optional", { isOptional: true });
  ask("/required");
  const error = await assertRejects(() => optional, GatewayError);
  assertEquals([error.kind, error.status], ["overloaded", 503]);
  assertEquals(error.headers, { "retry-after": "1" });
  script.at(0).answerJson(1);
  await settled();
  assertEquals(called(), ["/running", "/required"]);
});

Deno.test("coalesce -> bulkhead: a call that a required part joins is as important", async () => {
  const { script, ask, called } = play(2);
  const [joined, other] = ["/joined", "/other"].map((path) => ask(path, { isOptional: true }));
  ask("/joined");
  ask("/required");
  await assertRejects(() => other ?? Promise.resolve(), GatewayError);
  script.at(0).answerJson(1);
  await settled();
  assertEquals(called(), ["/running", "/joined"]);
  script.at(1).answerJson(1);
  await joined;
});

Deno.test("coalesce -> bulkhead: an optional part that joins a required one changes nothing", async () => {
  const { script, ask, called } = play(2);
  ask("/first", { isOptional: true });
  ask("/joined");
  ask("/joined", { isOptional: true });
  script.at(0).answerJson(1);
  await settled();
  assertEquals(called(), ["/running", "/joined"]);
});

Deno.test("coalesce -> shed: a required part that joins a call that was just shed has it made", async () => {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const source = guard(
    script.source,
    coalesce({ calls: new SharedCalls(), scope: "" }),
    shed({ overload: { dropsOptional: true }, latencies: new RecentLatencies(), clock }),
  );
  const optional = source(testCall(), testContext({ isOptional: true }));
  const required = source(testCall(), testContext());
  await settled();
  assertEquals(script.asked.length, 1);
  script.at(0).answerJson(1);
  assertEquals([(await optional).status, (await required).status], [200, 200]);
  const alone = source(testCall(), testContext({ isOptional: true }));
  await assertRejects(() => alone, GatewayError);
  assertEquals(script.asked.length, 1);
});

Deno.test("retry with a budget that optional parts have used: a required one still has retries", async () => {
  const { ask, script, clock } = playRetry({}, { share: 0.2, minPerSecond: 0 });
  const call = (ctx: Partial<Context>) => {
    ask({}, ctx);
    const asked = script.asked.length - 1;
    return () => script.at(asked).fail(unreachable());
  };
  const fail = [
    ...Array.from({ length: 50 }, () => call({ isOptional: true })),
    ...Array.from({ length: 50 }, () => call({})),
  ];
  for (const failNow of fail) failNow();
  await clock.advance(60);
  const retried = script.asked.slice(100);
  assertEquals(retried.filter(({ ctx }) => ctx.isOptional).length, 15);
  assertEquals(retried.length, 20);
});
