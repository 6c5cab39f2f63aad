import { assert, assertEquals } from "@std/assert";
import { GatewayError } from "../../../lib/core/errors.ts";
import { json } from "../../../lib/json/json_reply.ts";
import type { Reply } from "../../../lib/core/source.ts";
import { type Outcome, type Part, settle } from "../../../lib/gather/settle.ts";
import { testContext } from "../../support/context.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";
import { failureOf, needing, partOf } from "../../support/settling.ts";

// How many at once.

Deno.test("no more calls run at once than allowed", async () => {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const parts = ["a", "b", "c", "d"].map((name) => needing(name, script.source));
  const seen: string[] = [];
  const reading = (async () => {
    for await (const { part } of settle(parts, testContext(), { clock, concurrency: 2 })) {
      seen.push(part);
    }
  })();
  await settled();
  assertEquals(script.inFlight, 2);
  script.at(1).answerJson(1);
  await settled();
  assertEquals([script.asked.length, script.inFlight], [3, 2]);
  script.at(2).fail(failureOf("upstream-error"));
  await settled();
  assertEquals([script.asked.length, script.inFlight], [4, 2]);
  script.at(0).answerJson(1);
  script.at(3).answerJson(1);
  await reading;
  assertEquals(seen, ["b", "c", "a", "d"]);
});

Deno.test("items that still wait when the request ends are not called", async () => {
  const clock = new ManualClock();
  const request = new AbortController();
  const script = new ScriptedSource();
  const parts = ["a", "b", "c"].map((name) => needing(name, script.source));
  const ctx = testContext({ signal: request.signal });
  const seen: unknown[] = [];
  const reading = (async () => {
    for await (const { part, error } of settle(parts, ctx, { clock, concurrency: 1 })) {
      seen.push([part, error?.kind]);
    }
  })();
  await settled();
  request.abort(failureOf("deadline-exceeded"));
  await reading;
  assertEquals(seen, ["a", "b", "c"].map((part) => [part, "deadline-exceeded"]));
  assertEquals(script.asked.length, 1);
});

// Decisions.

/** Parts whose outcomes are decided by the first that `decides`, read at their reader's own pace. */
function decide(parts: readonly Part[], decides: (outcome: Outcome) => boolean) {
  const reported: string[] = [];
  const outcomes = settle(parts, testContext(), {
    clock: new ManualClock(),
    isDecided(outcome) {
      reported.push(outcome.part);
      return decides(outcome);
    },
  });
  return { reported, outcomes };
}

Deno.test("the decision cancels the rest, even before the outcome is consumed", async () => {
  const script = new ScriptedSource();
  const parts = ["a", "b", "c"].map((name) => needing(name, script.source));
  const { reported, outcomes } = decide(parts, ({ part }) => part === "b");
  const first = outcomes.next();
  await settled();
  script.at(0).answerJson(1);
  assertEquals((await first).value?.part, "a");
  script.at(1).answerJson(2);
  await settled();
  assertEquals(script.inFlight, 0);
  const { reason } = script.at(2).ctx.signal;
  assert(reason instanceof GatewayError && reason.kind === "cancelled");
  assertEquals(reported, ["a", "b", "c"]);
  const rest: unknown[] = [];
  for await (const { part, error } of outcomes) rest.push([part, error?.kind]);
  assertEquals(rest, [["b", undefined], ["c", "cancelled"]]);
});

Deno.test("each outcome is yielded once, and its dependents are not called after the decision", async () => {
  const script = new ScriptedSource();
  const parts = [
    needing("a", script.source),
    needing("b", script.source, "a"),
    needing("c", script.source, "b"),
  ];
  const { reported, outcomes } = decide(parts, ({ part }) => part === "a");
  const reading = Array.fromAsync(outcomes);
  await settled();
  script.at(0).answerJson(1);
  assertEquals((await reading).map(({ part, error }) => [part, error?.kind]), [
    ["a", undefined],
    ["b", "cancelled"],
    ["c", "cancelled"],
  ]);
  assertEquals([reported, script.asked.length], [["a", "b", "c"], 1]);
});

Deno.test("a reply after the decision is dropped; a failure is reported", async () => {
  const gates = ["a", "late", "failing"].map(() =>
    Promise.withResolvers<ReturnType<typeof json>>()
  );
  const [a, late, failing] = gates;
  assert(a && late && failing);
  const parts = [
    partOf("late", () => late.promise),
    partOf("failing", () => failing.promise),
    partOf("a", () => a.promise),
  ];
  const { outcomes } = decide(parts, ({ part }) => part === "a");
  const reading = Array.fromAsync(outcomes);
  await settled();
  a.resolve(json(1));
  late.resolve(json(2));
  failing.reject(failureOf("upstream-error"));
  assertEquals(
    (await reading).map(({ part, reply, error }) => [part, reply?.status, error?.kind]),
    [
      ["a", 200, undefined],
      ["late", undefined, "cancelled"],
      ["failing", undefined, "upstream-error"],
    ],
  );
});

Deno.test("what the deadline cut off is reported, also of a reply after the decision", async () => {
  const late = Promise.withResolvers<Reply>();
  const parts = [
    partOf("late", () => late.promise),
    partOf("a", () => Promise.reject(failureOf("deadline-exceeded"))),
  ];
  const { outcomes } = decide(parts, ({ part }) => part === "a");
  const reading = Array.fromAsync(outcomes);
  await settled();
  const failures = (["upstream-error", "deadline-exceeded"] as const).map((kind, index) => ({
    part: "late",
    index,
    error: failureOf(kind),
  }));
  late.resolve({ ...json([null, null]), failures });
  const [, cutOff] = await reading;
  assertEquals(cutOff?.error?.kind, "deadline-exceeded");
  assertEquals(cutOff?.error?.failures, failures);
});
