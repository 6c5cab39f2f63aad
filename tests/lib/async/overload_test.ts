import { assert, assertEquals } from "@std/assert";
import { Overload, type OverloadOptions } from "../../../lib/async/overload.ts";

function play(options: Omit<OverloadOptions, "lagMs" | "now">) {
  const at = { lagMs: 0, now: 0 };
  const reports: string[] = [];
  const overload = new Overload({
    ...options,
    lagMs: () => at.lagMs,
    now: () => at.now,
    report: (text) => reports.push(text),
  });
  const enter = (count: number) => {
    let admitted = 0;
    for (let request = 0; request < count; request++) if (overload.enter()) admitted++;
    return admitted;
  };
  const leave = (count: number) => {
    for (let request = 0; request < count; request++) overload.leave();
  };
  return { at, overload, enter, leave, reports };
}

Deno.test("without a limit nothing is shed", () => {
  const { overload, at, enter } = play({});
  at.lagMs = 1e9;
  assertEquals(enter(100_000), 100_000);
  assertEquals([overload.dropsOptional, overload.isLimited], [false, false]);
});

Deno.test("in flight: optional parts go first, then requests, until there is room again", () => {
  const { overload, enter, leave } = play({ maxInFlight: 100 });
  assert(overload.isLimited);
  assertEquals([enter(100), overload.dropsOptional], [100, false]);
  assertEquals([enter(1), overload.dropsOptional], [1, true]);
  assertEquals(enter(99), 24, "refused beyond 125");
  assertEquals(overload.inFlight, 125);
  leave(15);
  assertEquals(enter(9), 0, "still refused above 110");
  leave(1);
  assertEquals([enter(1), overload.inFlight], [1, 110]);
});

Deno.test("lag: the same thresholds", () => {
  const { overload, at, enter } = play({ maxLagMs: 100 });
  const seen = (lagMs: number) => {
    at.lagMs = lagMs;
    return [overload.dropsOptional, enter(1) === 0];
  };
  assertEquals(seen(100), [false, false]);
  assertEquals(seen(101), [true, false]);
  assertEquals(seen(126), [true, true]);
  assertEquals(seen(111), [true, true]);
  assertEquals(seen(110), [true, false]);
  assertEquals(seen(125), [true, false]);
  assertEquals(seen(0), [true, false]);
});

Deno.test("optional parts are left out until the load has been within its limit for a second", () => {
  const { overload, at } = play({ maxLagMs: 100 });
  at.lagMs = 150;
  assertEquals(overload.dropsOptional, true);
  at.now = 900;
  assertEquals(overload.dropsOptional, true);
  at.lagMs = 100;
  at.now = 1_899;
  assertEquals(overload.dropsOptional, true);
  at.now = 1_900;
  assertEquals(overload.dropsOptional, false);
});

Deno.test("a refused request does not count as in flight", () => {
  const { overload, enter } = play({ maxInFlight: 4 });
  assertEquals([enter(9), overload.inFlight], [5, 5]);
});

Deno.test("a limit of one request serves one request at a time", () => {
  const { enter, leave } = play({ maxInFlight: 1 });
  assertEquals(enter(3), 1);
  leave(1);
  assertEquals(enter(3), 1);
});

Deno.test("the log has one line for ten seconds of each step", () => {
  const { at, enter, reports, leave } = play({ maxInFlight: 4 });
  enter(9);
  assertEquals(reports, [
    "optional parts are left out: 5 requests in flight, a lag of 0 ms",
    "requests are refused: 6 requests in flight, a lag of 0 ms",
  ]);
  at.now = 9_999;
  enter(9);
  assertEquals(reports.length, 2);
  at.now = 10_000;
  leave(2);
  at.lagMs = 7;
  enter(2);
  assertEquals(reports.slice(2), [
    "optional parts are left out: 5 requests in flight, a lag of 7 ms",
  ]);
});
