import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import { each, type EachOptions } from "../../../lib/gather/each.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import type { Reply } from "../../../lib/core/source.ts";
import { testCall, testContext } from "../../support/context.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { property } from "../../support/random.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";

/** A list whose items a test settles, each under its JSON. */
function play(items: readonly unknown[], more: Partial<EachOptions> = {}) {
  const script = new ScriptedSource();
  const request = new AbortController();
  const reply = each({
    part: "friends",
    source: script.source,
    items,
    call: (item) => testCall({ path: `/${JSON.stringify(item)}` }),
    concurrency: 8,
    isStrict: false,
    isCached: true,
    ...more,
  }, testContext({ signal: request.signal }));
  const called = () => script.asked.map(({ call }) => call.path.slice(1));
  return { script, reply, called, request };
}

const failure = (detail = "it failed") => new GatewayError("upstream-error", detail);
const textOf = async ({ body }: Reply) => new TextDecoder().decode(await body.bytes(Infinity));
const answer = (text: string): Reply => ({
  status: 200,
  headers: new Headers(),
  body: Body.of(new TextEncoder().encode(text)),
});

Deno.test("an empty list makes no call", async () => {
  const { reply, called } = play([]);
  const { status, headers, failures } = await reply;
  assertEquals(
    [status, headers.get("content-type"), failures, called()],
    [200, "application/json", undefined, []],
  );
  assertEquals(await textOf(await reply), "[]");
});

Deno.test("the results are in the items' order, byte for byte", async () => {
  const { script, reply, called } = play([3, "b", null]);
  await settled();
  assertEquals(called(), ["3", '"b"', "null"]);
  script.at(2).answer(answer(""));
  script.at(0).answer(answer("\ufeff1.0"));
  await settled();
  script.at(1).answer(answer('\n{"x" :1} '));
  assertEquals(await textOf(await reply), '[1.0,\n{"x" :1} ,null]');
});

Deno.test("equal items share a call, those that only look alike do not", async () => {
  const { script, reply, called } = play([1, "1", 1, { a: [1] }, { a: [1] }, 1, true]);
  await settled();
  assertEquals(called(), ["1", '"1"', '{"a":[1]}', "true"]);
  for (const [index, called] of script.asked.entries()) called.answerJson(index);
  assertEquals(await textOf(await reply), "[0,1,0,2,2,0,3]");
});

Deno.test("no more calls run at once than allowed, and the next starts when one has ended", async () => {
  const { script, reply, called } = play([1, 2, 3, 4, 5], { concurrency: 2 });
  await settled();
  assertEquals(called(), ["1", "2"]);
  script.at(1).answerJson(1);
  await settled();
  assertEquals(called(), ["1", "2", "3"]);
  script.at(0).fail(failure());
  script.at(2).answerJson(1);
  await settled();
  assertEquals(called(), ["1", "2", "3", "4", "5"]);
  script.at(3).answerJson(1);
  script.at(4).answerJson(1);
  assertEquals(await textOf(await reply), "[null,1,1,1,1]");
});

Deno.test("a call is made just before it is sent", async () => {
  const made: unknown[] = [];
  const { script, reply } = play([1, 2], {
    concurrency: 1,
    call: (item) => {
      made.push(item);
      return testCall();
    },
  });
  await settled();
  assertEquals(made, [1]);
  script.at(0).answerJson(1);
  await settled();
  assertEquals(made, [1, 2]);
  script.at(1).answerJson(1);
  await reply;
});

Deno.test("a failed item is null, and reported at each of its indexes, in order", async () => {
  const { script, reply } = play(["a", "b", "c", "b"]);
  await settled();
  const [late, early] = [failure("late"), failure("early")];
  script.at(1).fail(early);
  await settled();
  script.at(0).fail(late);
  await settled();
  script.at(2).answerJson("c");
  const { failures } = await reply;
  assertEquals(failures, [
    { part: "friends", index: 0, error: late },
    { part: "friends", index: 1, error: early },
    { part: "friends", index: 3, error: early },
  ]);
  assertEquals(await textOf(await reply), '[null,null,"c",null]');
});

Deno.test("an item whose call cannot be made fails alone", async () => {
  const fault = new GatewayError("input-invalid", "item: is missing");
  const { script, reply } = play([1, 2, 3], {
    concurrency: 1,
    call(item) {
      if (item === 2) throw fault;
      return testCall();
    },
  });
  await settled();
  script.at(0).answerJson(1);
  await settled();
  script.at(1).answerJson(3);
  assertEquals(await textOf(await reply), "[1,null,3]");
  assertEquals((await reply).failures, [{ part: "friends", index: 1, error: fault }]);
});

Deno.test("where every item is wanted, the first that fails ends the others", async () => {
  const { script, reply, called } = play(["a", "b", "c", "b", "d"], {
    isStrict: true,
    concurrency: 3,
  });
  await settled();
  const cause = new Error("socket");
  script.at(1).fail(
    new GatewayError("overloaded", "full", { headers: { "retry-after": "3" }, cause }),
  );
  const error = await assertRejects(() => reply, GatewayError);
  assertEquals([error.kind, error.status, error.message], ["overloaded", 503, "item 1: full"]);
  assertEquals(error.headers, { "retry-after": "3" });
  assertStrictEquals(error.cause, cause);
  assertEquals(error.failures.map(({ part, index }) => [part, index]), [
    ["friends", 1],
    ["friends", 3],
  ]);
  assertEquals([script.inFlight, called()], [0, ['"a"', '"b"', '"c"']]);
});

for (const isStrict of [false, true]) {
  Deno.test(`who needs a ${isStrict ? "whole" : "partial"} list no longer ends it`, async () => {
    const { script, reply, request, called } = play([1, 2, 3], { isStrict, concurrency: 2 });
    await settled();
    script.at(0).answerJson(1);
    await settled();
    const left = new GatewayError("cancelled", "the client went away");
    request.abort(left);
    assertStrictEquals(await assertRejects(() => reply), left);
    assertEquals([script.inFlight, called()], [0, ["1", "2", "3"]]);
  });
}

Deno.test("at the deadline a list has the results so far, and a problem for the others", async () => {
  const { script, reply, request } = play([1, 2, 3], { concurrency: 2 });
  await settled();
  script.at(0).answerJson("one");
  await settled();
  request.abort(new GatewayError("deadline-exceeded", "late"));
  assertEquals(await textOf(await reply), '["one",null,null]');
  assertEquals((await reply).failures?.map(({ index, error }) => [index, error.kind]), [
    [1, "deadline-exceeded"],
    [2, "deadline-exceeded"],
  ]);
  assertEquals(script.inFlight, 0);
});

property("a list has a result or a failure at every index", 300, async (random) => {
  const items = random.list(0, 12, () => random.pick([1, 2, 3, "1", "x", "y"]));
  const concurrency = random.int(1, 5);
  const failing = new Set(items.filter(() => random.bool(0.3)).map(String));
  const clock = new ManualClock();
  let [inFlight, most] = [0, 0];
  const reply = each({
    part: "p",
    source: async ({ path }, { signal }) => {
      most = Math.max(most, ++inFlight);
      await clock.sleep(random.int(0, 9), signal);
      inFlight--;
      if (failing.has(String(JSON.parse(path)))) throw failure();
      return answer(path);
    },
    items,
    call: (item) => testCall({ path: JSON.stringify(item) }),
    concurrency,
    isStrict: false,
    isCached: true,
  }, testContext());
  await clock.advance(200);
  const { failures = [] } = await reply;
  const isFailed = items.map((item) => failing.has(String(item)));
  assertEquals(
    JSON.parse(await textOf(await reply)),
    items.map((item, index) => isFailed[index] ? null : item),
  );
  assertEquals(
    failures.map(({ index }) => index),
    [...items.keys()].filter((index) => isFailed[index]),
  );
  assert(most <= concurrency);
  assertEquals([inFlight, clock.sleeping], [0, 0]);
});

Deno.test("a long list whose items all fail ends as a short one does", async () => {
  const items = Array.from({ length: 50_000 }, (_, index) => index);
  const fault = new GatewayError("input-invalid", "item: must be a string");
  const { reply } = play(items, {
    call: () => {
      throw fault;
    },
  });
  assertEquals((await reply).failures?.length, items.length);
});
