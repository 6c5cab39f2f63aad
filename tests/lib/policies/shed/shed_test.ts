import { assertEquals, assertRejects } from "@std/assert";
import { GatewayError, type Kind } from "../../../../lib/core/errors.ts";
import type { Context } from "../../../../lib/core/source.ts";
import { shed } from "../../../../lib/policies/shed/shed.ts";
import { RecentLatencies } from "../../../../lib/policies/shed/recent_latencies.ts";
import { testCall, testContext } from "../../../support/context.ts";
import { ManualClock, settled } from "../../../support/manual_clock.ts";
import { status } from "../../../support/retrying.ts";
import { ScriptedSource } from "../../../support/scripted_source.ts";

const OPTIONAL = { isOptional: true };

function play() {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const overload = { dropsOptional: false };
  const latencies = new RecentLatencies();
  const source = shed({ overload, latencies, clock })(script.source);
  const ask = (ctx: Partial<Context> = {}) => {
    const asked = source(testCall(), testContext(ctx));
    asked.catch(() => {});
    return asked;
  };
  /** Makes calls that take so long, one after the other. */
  const calls = async (count: number, ms: number, end?: (asked: number) => void) => {
    for (let call = 0; call < count; call++) {
      const asked = script.asked.length;
      const reply = ask();
      await clock.advance(ms);
      if (end) end(asked);
      else script.at(asked).answerJson(1);
      await reply.catch(() => {});
    }
  };
  const refused = async (ctx: Partial<Context>) => {
    const before = script.asked.length;
    const error = await assertRejects(() => ask(ctx), GatewayError);
    assertEquals(script.asked.length, before, "the upstream was not called");
    return error;
  };
  const isBegun = async (ctx: Partial<Context>) => {
    const before = script.asked.length;
    ask(ctx);
    await settled();
    return script.asked.length > before;
  };
  return { clock, script, overload, calls, refused, isBegun };
}

Deno.test("while the gateway is overloaded, only required parts are called", async () => {
  const { overload, refused, isBegun } = play();
  assertEquals(await isBegun(OPTIONAL), true);
  overload.dropsOptional = true;
  const { kind, status, message } = await refused(OPTIONAL);
  assertEquals([kind, status], ["overloaded", 503]);
  assertEquals(message, "the optional part was not called: the gateway is overloaded");
  assertEquals(await isBegun({}), true);
  overload.dropsOptional = false;
  assertEquals(await isBegun(OPTIONAL), true);
});

Deno.test("an optional call is not begun when less time is left than half of the calls take", async () => {
  const { clock, calls, refused, isBegun } = play();
  await calls(20, 50);
  const now = clock.monotonic();
  const { kind, status, message } = await refused({ ...OPTIONAL, deadline: now + 40 });
  assertEquals([kind, status], ["not-begun", 504]);
  assertEquals(
    message,
    "the optional part was not called: 40 ms are left, and half of its calls take longer than 53 ms",
  );
  assertEquals(await isBegun({ ...OPTIONAL, deadline: now + 60 }), true);
  assertEquals(await isBegun({ deadline: now + 40 }), true, "a required one is");
});

Deno.test("with too few observations an optional call is begun", async () => {
  const { clock, calls, isBegun } = play();
  await calls(19, 50);
  assertEquals(await isBegun({ ...OPTIONAL, deadline: clock.monotonic() + 1 }), true);
});

Deno.test("observations are forgotten, so that calls are tried again", async () => {
  const { clock, calls, refused, isBegun } = play();
  await calls(20, 50);
  const soon = () => ({ ...OPTIONAL, deadline: clock.monotonic() + 25 });
  await refused(soon());
  await clock.advance(10_000);
  assertEquals(await isBegun(soon()), true);
});

const unobserved: readonly (readonly [string, Kind | number, boolean])[] = [
  ["a call that was cut off took at least as long", "upstream-timeout", true],
  ["so did one that the deadline ended", "deadline-exceeded", true],
  ["one that is no longer needed says nothing", "cancelled", false],
  ["nor does one that found no connection", "upstream-unreachable", false],
  ["nor does an upstream's 503", 503, false],
  ["an upstream's 404 is as good as any reply", 404, true],
];
for (const [name, outcome, counts] of unobserved) {
  Deno.test(`observations: ${name}`, async () => {
    const { clock, script, calls, isBegun } = play();
    await calls(20, 50, (asked) => {
      if (typeof outcome === "number") script.at(asked).answer(status(outcome));
      else script.at(asked).fail(new GatewayError(outcome, "as the test says"));
    });
    const deadline = clock.monotonic() + 25;
    assertEquals(await isBegun({ ...OPTIONAL, deadline }), !counts);
  });
}
