import { assertEquals, assertRejects } from "@std/assert";
import { Semaphore } from "../../../lib/async/semaphore.ts";
import type { WaitRecord } from "../../../lib/core/trace.ts";
import { guard } from "../../../lib/core/source.ts";
import { WaitRecorder } from "../../../lib/observe/wait_recorder.ts";
import { bulkhead } from "../../../lib/policies/bulkhead.ts";
import { coalesce } from "../../../lib/policies/coalesce/coalesce.ts";
import { SharedCalls } from "../../../lib/policies/coalesce/shared_calls.ts";
import { retry } from "../../../lib/policies/retry/retry.ts";
import { RetryBudget } from "../../../lib/policies/retry/retry_budget.ts";
import { testCall, testContext } from "../../support/context.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";

/** A context of a request whose waits are recorded. */
function waiting() {
  const waits: WaitRecord[] = [];
  return { waits, ctx: testContext({ trace: { id: "1", parts: [], waits } }) };
}

Deno.test("only what waits is recorded: for a slot, for an identical call, before a retry", async () => {
  const clock = new ManualClock();
  const upstream = new ScriptedSource();
  const waitsFor = (what: WaitRecord["for"]) =>
    new WaitRecorder(what, { part: "it", upstream: "up", clock });
  const source = guard(
    upstream.source,
    coalesce({ calls: new SharedCalls(), scope: "", waits: waitsFor("shared") }),
    retry({
      attempts: 2,
      backoffMs: 10,
      maxBackoffMs: 10,
      methods: new Set(["GET"]),
      budget: new RetryBudget({ share: 1, minPerSecond: 10, clock }),
      waits: waitsFor("backoff"),
      clock,
      random: () => 1,
    }),
    bulkhead({
      semaphore: new Semaphore({ max: 1, queue: 9 }),
      waits: waitsFor("concurrency"),
      clock,
    }),
  );
  const [first, same, other] = [waiting(), waiting(), waiting()];
  const calls = [source(testCall(), first.ctx)];
  await clock.advance(1);
  calls.push(source(testCall(), same.ctx), source(testCall({ path: "/other" }), other.ctx));
  await clock.advance(1);
  upstream.at(0).answerJson({}, 503);
  await clock.advance(1);
  upstream.at(1).answerJson({});
  await clock.advance(10);
  upstream.at(2).answerJson({});
  await Promise.all(calls);
  const wait = { part: "it", upstream: "up" };
  assertEquals(first.waits, [{ ...wait, for: "backoff", startedAt: 2, durationMs: 10 }]);
  assertEquals(same.waits, [{ ...wait, for: "shared", startedAt: 1, durationMs: 12 }]);
  assertEquals(other.waits, [{ ...wait, for: "concurrency", startedAt: 1, durationMs: 1 }]);
});

Deno.test("a wait that is cut short is recorded", async () => {
  const clock = new ManualClock();
  const { waits, ctx } = waiting();
  const end = new AbortController();
  const recorder = new WaitRecorder("limits", { clock });
  const wait = recorder.time(clock.sleep(10, end.signal), ctx);
  await clock.advance(4);
  end.abort();
  await assertRejects(() => wait);
  assertEquals(waits, [
    { for: "limits", part: undefined, upstream: undefined, startedAt: 0, durationMs: 4 },
  ]);
});
