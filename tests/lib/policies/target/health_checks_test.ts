import { assert, assertEquals } from "@std/assert";
import { Body } from "../../../../lib/core/body.ts";
import { checkHealth } from "../../../../lib/policies/target/health_checks.ts";
import { TargetSet } from "../../../../lib/policies/target/target_set.ts";
import { ManualClock, settled } from "../../../support/manual_clock.ts";
import { ScriptedSource } from "../../../support/scripted_source.ts";
import { ScriptedStream } from "../../../support/scripted_stream.ts";

/** Two targets that are checked every second, by a clock and sources that a test plays. */
function play({ random = 0.5 } = {}) {
  const clock = new ManualClock();
  const told: string[] = [];
  const set = new TargetSet({
    clock,
    random: () => random,
    report: ({ target, event, cause }) => told.push(`${target} ${event} ${cause}`.trim()),
  });
  const [a, b] = [new ScriptedSource(), new ScriptedSource()];
  const names: readonly [string, ScriptedSource][] = [["a", a], ["b", b]];
  set.update(names.map(([name, { source }]) => ({ key: name, name, weight: 1, source })));
  const end = new AbortController();
  const ended = checkHealth(set, {
    path: "/healthz",
    everyMs: 1_000,
    timeoutMs: 200,
    unhealthyAfter: 2,
    healthyAfter: 2,
    clock,
    random: () => random,
  }, end.signal);
  /** Lets the next check of `a` have that status; `b` is well. */
  const round = async (status: number) => {
    const { length } = a.asked;
    while (a.asked.length === length) await clock.advance(100);
    a.at(length).answerJson(1, status);
    b.asked.at(-1)?.answerJson(1);
    await settled();
  };
  return { clock, told, set, a, b, end, ended, round };
}

Deno.test("a target is unhealthy after failures in a row, and healthy after passes in a row", async () => {
  const { told, set, end, ended, round } = play();
  const [target] = set.targets;
  assert(target);
  await round(500);
  await round(200);
  await round(500);
  assert(!target.isUnhealthy, "not in a row");
  await round(503);
  assert(target.isUnhealthy);
  assertEquals(told, ["a unhealthy status 503"]);
  await round(204);
  await round(500);
  await round(200);
  assert(target.isUnhealthy, "not in a row");
  await round(200);
  assert(!target.isUnhealthy);
  assertEquals(told, ["a unhealthy status 503", "a healthy"]);
  end.abort();
  await ended;
});

Deno.test("a check is a GET of the path, and counts in no load, latency or failure", async () => {
  const { a, set, end, ended, clock, round } = play();
  await round(500);
  const { call } = a.at(0);
  assertEquals([call.method, call.path], ["GET", "/healthz"]);
  const now = clock.monotonic();
  const [target] = set.targets;
  assertEquals([target?.inFlight, target?.latencyAt(now), target?.failureRateAt(now)], [0, 0, 0]);
  end.abort();
  await ended;
});

Deno.test("a check without a response fails by its timeout; the next one comes an interval later", async () => {
  const { a, b, clock, told, end, ended } = play();
  await clock.advance(500);
  assertEquals(a.asked.length, 1, "the first comes at a random time of the interval");
  b.at(0).answerJson(1);
  await clock.advance(200);
  assertEquals(a.inFlight, 0);
  await clock.advance(999);
  assertEquals(a.asked.length, 1);
  await clock.advance(1);
  assertEquals(a.asked.length, 2);
  await clock.advance(200);
  assertEquals(
    told,
    ["a unhealthy no response within 200 ms"],
  );
  end.abort();
  await ended;
});

Deno.test("a check whose body does not end fails by its timeout, too", async () => {
  const { a, b, clock, told, end, ended } = play();
  const streams = [new ScriptedStream(), new ScriptedStream()];
  for (const [round, { stream }] of streams.entries()) {
    while (a.asked.length <= round) await clock.advance(100);
    a.at(round).answer({ status: 200, headers: new Headers(), body: Body.from({ stream }) });
    b.at(round).answerJson(1);
    await clock.advance(200);
  }
  assertEquals(told, ["a unhealthy no response within 200 ms"]);
  assertEquals(streams.map(({ isCancelled }) => isCancelled), [true, true]);
  end.abort();
  await ended;
});

Deno.test("intervals vary by up to a tenth", async () => {
  for (const [random, expected] of [[0, 900], [0.999, 1_099.8]] as const) {
    const { a, b, clock, end, ended } = play({ random });
    await clock.advance(random * 1_000);
    a.at(0).answerJson(1);
    b.at(0).answerJson(1);
    await clock.advance(expected - 1);
    assertEquals(a.asked.length, 1);
    await clock.advance(2);
    assertEquals(a.asked.length, 2);
    end.abort();
    await ended;
  }
});

Deno.test("at the end a check is aborted, and no timer stays", async () => {
  const { a, clock, told, end, ended } = play();
  await clock.advance(500);
  end.abort();
  await ended;
  await settled();
  assertEquals([a.inFlight, clock.sleeping, told.length], [0, 0, 0]);
});
