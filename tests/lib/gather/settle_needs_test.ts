import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { GatewayError } from "../../../lib/core/errors.ts";
import { json } from "../../../lib/json/json_reply.ts";
import type { Source } from "../../../lib/core/source.ts";
import { testCall, testContext } from "../../support/context.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";
import { collect, failureOf, needing, partOf } from "../../support/settling.ts";

Deno.test("a part is called as soon as what it needs has succeeded, with a call made then", async () => {
  const script = new ScriptedSource();
  let isThere = false;
  const parts = [
    { ...needing("c", script.source, "a", "b"), call: () => testCall({ path: `/c${isThere}` }) },
    needing("a", script.source),
    needing("b", script.source),
  ];
  const outcomes = collect(parts, testContext(), new ManualClock());
  const called = () => script.asked.map(({ call }) => call.path);
  await settled();
  assertEquals(called(), ["/a", "/b"]);
  script.at(1).answerJson(1);
  await settled();
  assertEquals(called(), ["/a", "/b"]);
  isThere = true;
  script.at(0).answerJson(1);
  await settled();
  assertEquals(called(), ["/a", "/b", "/ctrue"]);
  script.at(2).answerJson(1);
  assertEquals((await outcomes).map(({ part }) => part), ["b", "a", "c"]);
});

Deno.test("a part that names a need twice needs it once", async () => {
  const source: Source = () => Promise.resolve(json(1));
  const outcomes = await collect(
    [needing("b", source, "a", "a"), needing("a", source)],
    testContext(),
    new ManualClock(),
  );
  assertEquals(outcomes.map(({ part, reply }) => [part, reply?.status]), [["a", 200], ["b", 200]]);
  const failing = await collect(
    [needing("b", source, "a", "a"), needing("a", () => Promise.reject(failureOf("overloaded")))],
    testContext(),
    new ManualClock(),
  );
  assertEquals(failing.map(({ part }) => part), ["a", "b"]);
});

Deno.test("a part whose need failed is not called, nor is any that needs it", async () => {
  const script = new ScriptedSource();
  const clock = new ManualClock();
  const outcomes = collect(
    [
      needing("d", script.source, "c", "other"),
      needing("c", script.source, "a", "b"),
      needing("a", script.source),
      needing("b", script.source),
      needing("other", script.source),
    ],
    testContext(),
    clock,
  );
  await clock.advance(5);
  const cause = new GatewayError("upstream-refused", "the upstream returned 401", {
    status: 401,
    headers: { "www-authenticate": "Basic" },
  });
  script.at(0).fail(cause);
  await settled();
  script.at(1).fail(failureOf("upstream-error"));
  script.at(2).answerJson(1);
  const seen = await outcomes;
  assertEquals(seen.map(({ part, durationMs, error }) => [part, durationMs, error?.kind]), [
    ["a", 5, "upstream-refused"],
    ["c", 0, "input-failed"],
    ["d", 0, "input-failed"],
    ["b", 5, "upstream-error"],
    ["other", 5, undefined],
  ]);
  const [, c, d] = seen;
  assertEquals(c?.error?.message, "it needs the part a, which failed");
  assertEquals([c?.error?.status, c?.error?.headers], [401, { "www-authenticate": "Basic" }]);
  assertStrictEquals(c?.error?.cause, cause);
  assertEquals(d?.error?.message, "it needs the part c, which failed");
  assertEquals(d?.error?.status, 401);
  assertEquals(script.asked.length, 3);
});

Deno.test("what waits for a part that the client's leaving ended is ended by it too", async () => {
  const request = new AbortController();
  const script = new ScriptedSource();
  const outcomes = collect(
    [needing("a", script.source), needing("b", script.source, "a")],
    testContext({ signal: request.signal }),
    new ManualClock(),
  );
  await settled();
  const left = failureOf("cancelled");
  request.abort(left);
  assertEquals((await outcomes).map(({ error }) => error), [left, left]);
});

Deno.test("a part that becomes ready after the request's end is not called", async () => {
  const request = new AbortController();
  const script = new ScriptedSource();
  const stubborn = Promise.withResolvers<ReturnType<typeof json>>();
  const outcomes = collect(
    [needing("a", () => stubborn.promise), needing("b", script.source, "a")],
    testContext({ signal: request.signal }),
    new ManualClock(),
  );
  await settled();
  const late = failureOf("deadline-exceeded");
  request.abort(late);
  stubborn.resolve(json(1));
  assertEquals((await outcomes).map(({ part, error }) => [part, error]), [
    ["a", undefined],
    ["b", late],
  ]);
  assertEquals(script.asked.length, 0);
});

Deno.test("a cycle, and a need that is not a part, are the caller's mistake", async () => {
  const script = new ScriptedSource();
  const circle = [needing("a", script.source, "b"), needing("b", script.source, "a")];
  await assertRejects(
    () => collect(circle, testContext(), new ManualClock()),
    Error,
    "have a cycle",
  );
  const lost = [needing("a", script.source, "x")];
  await assertRejects(
    () => collect(lost, testContext(), new ManualClock()),
    Error,
    "a needs x, which is not a part",
  );
  assertEquals(script.asked.length, 0);
});

Deno.test("a call that cannot be made fails its part", async () => {
  const fault = failureOf("input-invalid");
  const part = {
    ...partOf("a", () => Promise.resolve(json(1))),
    call: () => {
      throw fault;
    },
  };
  const [outcome] = await collect([part], testContext(), new ManualClock());
  assertStrictEquals(outcome?.error, fault);
});

Deno.test("a long chain takes as long as its parts together", async () => {
  const clock = new ManualClock();
  const names = Array.from({ length: 200 }, (_, index) => `p${index}`);
  const parts = names.map((name, index) =>
    needing(name, async (_call, { signal }) => {
      await clock.sleep(10, signal);
      return json(1);
    }, ...names.slice(Math.max(0, index - 1), index))
  );
  let isOver = false;
  const outcomes = collect(parts.toReversed(), testContext(), clock);
  outcomes.then(() => isOver = true);
  await clock.advance(1999);
  assert(!isOver);
  await clock.advance(1);
  assert(isOver);
  assertEquals((await outcomes).map(({ part }) => part), names);
});
