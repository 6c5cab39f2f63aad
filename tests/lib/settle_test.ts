import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { GatewayError } from "../../lib/errors.ts";
import { json } from "../../lib/reply.ts";
import { type Outcome, type Part, settle } from "../../lib/settle.ts";
import type { Context, Source } from "../../lib/source.ts";
import { testCall, testContext } from "../support/context.ts";
import { ManualClock, settled } from "../support/manual_clock.ts";
import { property, type Random } from "../support/random.ts";
import { ScriptedSource } from "../support/scripted_source.ts";

const partOf = (name: string, source: Source): Part => ({ name, source, call: testCall() });

/** Reads all outcomes, in the order they come. */
async function collect(parts: Iterable<Part>, ctx: Context, clock: ManualClock) {
  const outcomes: Outcome[] = [];
  for await (const outcome of settle(parts, ctx, { clock })) outcomes.push(outcome);
  return outcomes;
}

Deno.test("no parts settle to nothing", async () => {
  assertEquals(await collect([], testContext(), new ManualClock()), []);
});

Deno.test("nothing is asked before somebody wants an outcome", async () => {
  const script = new ScriptedSource();
  const iteration = settle([partOf("a", script.source)], testContext(), {
    clock: new ManualClock(),
  });
  await settled();
  assertEquals(script.asked.length, 0);
  await iteration.return();
  assertEquals(script.asked.length, 0);
});

Deno.test("all parts are asked at once, each with its own call", async () => {
  const script = new ScriptedSource();
  const parts = ["/a", "/b", "/c"].map((path) => ({
    name: path,
    source: script.source,
    call: testCall({ path }),
  }));
  const outcomes = collect(parts, testContext(), new ManualClock());
  await settled();
  assertEquals(script.asked.map(({ call }) => call.path), ["/a", "/b", "/c"]);
  for (const asked of script.asked) asked.answerJson(1);
  assertEquals((await outcomes).length, 3);
});

Deno.test("outcomes come in the order of completion, with what each took", async () => {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const ctx = testContext();
  const parts = ["a", "b", "c"].map((name) => partOf(name, script.source));
  await clock.advance(1000);
  const outcomes = collect(parts, ctx, clock);
  await clock.advance(10);
  const reply = json(1);
  script.at(2).answer(reply);
  await clock.advance(10);
  const error = new GatewayError("upstream-error", "no");
  script.at(0).fail(error);
  await clock.advance(10);
  script.at(1).answer(reply);
  assertEquals(await outcomes, [
    { part: "c", durationMs: 10, reply },
    { part: "a", durationMs: 20, error },
    { part: "b", durationMs: 30, reply },
  ]);
});

Deno.test("an outcome is yielded while the others still run", async () => {
  const script = new ScriptedSource();
  const parts = ["a", "b"].map((name) => partOf(name, script.source));
  const iteration = settle(parts, testContext(), { clock: new ManualClock() });
  const first = iteration.next();
  await settled();
  script.at(1).answerJson(1);
  const { value } = await first;
  assertEquals(value?.part, "b");
  assertEquals(script.inFlight, 1);
  await iteration.return();
});

Deno.test("what a source throws is the failure of its part, whatever it is", async () => {
  const thrown = new TypeError("oops");
  const parts = [
    partOf("later", () => Promise.reject(thrown)),
    partOf("at once", () => {
      throw thrown;
    }),
  ];
  const outcomes = await collect(parts, testContext(), new ManualClock());
  assertEquals(outcomes.map(({ error }) => error?.kind), ["internal", "internal"]);
  for (const { error } of outcomes) assertStrictEquals(error?.cause, thrown);
});

Deno.test("a GatewayError is passed on as it is", async () => {
  const error = new GatewayError("upstream-timeout", "late");
  const parts = [partOf("a", () => Promise.reject(error))];
  const [outcome] = await collect(parts, testContext(), new ManualClock());
  assertStrictEquals(outcome?.error, error);
});

Deno.test("a consumer that stops cancels the rest, and waits until it has ended", async () => {
  const script = new ScriptedSource();
  const cleanUp = Promise.withResolvers<void>();
  let reason: unknown;
  const slow: Source = async (_call, { signal }) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    reason = signal.reason;
    await cleanUp.promise;
    throw reason;
  };
  const parts = [partOf("quick", script.source), partOf("slow", slow)];
  const iteration = settle(parts, testContext(), { clock: new ManualClock() });
  const first = iteration.next();
  await settled();
  script.at(0).answerJson(1);
  await first;
  let hasEnded = false;
  const end = iteration.return().then(() => hasEnded = true);
  await settled();
  assert(!hasEnded);
  assert(reason instanceof GatewayError && reason.kind === "cancelled");
  cleanUp.resolve();
  await end;
  assert(hasEnded);
});

Deno.test("the end of the request reaches every part", async () => {
  const request = new AbortController();
  const script = new ScriptedSource();
  const parts = ["a", "b"].map((name) => partOf(name, script.source));
  const outcomes = collect(parts, testContext({ signal: request.signal }), new ManualClock());
  await settled();
  const late = new GatewayError("deadline-exceeded", "late");
  request.abort(late);
  assertEquals((await outcomes).map(({ error }) => error), [late, late]);
  assertEquals(script.inFlight, 0);
});

Deno.test("a request that has ended already is told to every part", async () => {
  const late = new GatewayError("deadline-exceeded", "late");
  const source: Source = (_call, { signal }) => Promise.reject(signal.reason);
  const ctx = testContext({ signal: AbortSignal.abort(late) });
  const outcomes = await collect([partOf("a", source)], ctx, new ManualClock());
  assertEquals(outcomes.map(({ error }) => error), [late]);
});

Deno.test("parts that cannot be listed to the end leave none running", async () => {
  const script = new ScriptedSource();
  function* parts(): Generator<Part> {
    yield partOf("a", script.source);
    throw new GatewayError("bad-request", "the second part cannot be asked");
  }
  await assertRejects(() => collect(parts(), testContext(), new ManualClock()), GatewayError);
  await settled();
  assertEquals(script.inFlight, 0);
});

Deno.test("a request keeps no listener on its signal when all have settled", async () => {
  const request = new AbortController();
  const signals: AbortSignal[] = [];
  const source: Source = (_call, ctx) => {
    signals.push(ctx.signal);
    return Promise.resolve(json(1));
  };
  await collect([partOf("a", source)], testContext({ signal: request.signal }), new ManualClock());
  request.abort();
  assertEquals(signals.map(({ aborted }) => aborted), [false]);
});

for (const count of [1, 3, 10, 50]) {
  Deno.test(`${count} parts take as long as the slowest, not as all together`, async () => {
    const clock = new ManualClock();
    const parts = Array.from(
      { length: count },
      (_, index) =>
        partOf(`p${index}`, async (_call, { signal }) => {
          await clock.sleep(10 + index, signal);
          return json(index);
        }),
    );
    const outcomes = collect(parts, testContext(), clock);
    await clock.advance(9 + count - 1);
    let isOver = false;
    outcomes.then(() => isOver = true);
    await settled();
    assert(!isOver);
    await clock.advance(1);
    assert(isOver);
    assertEquals((await outcomes).map(({ durationMs }) => durationMs).at(-1), 9 + count);
    assertEquals(clock.sleeping, 0);
  });
}

/** A source that answers or fails after a random time, in one of many ways. */
function randomSource(random: Random, clock: ManualClock, count: (by: number) => void): Source {
  const delayMs = random.pick([0, 0, 1, 5, 20, 100]);
  const ends = random.pick<() => ReturnType<typeof json>>([
    () => json(1),
    () => json(2, 404),
    () => {
      throw new GatewayError("upstream-error", "no");
    },
    () => {
      throw new TypeError("oops");
    },
  ]);
  if (delayMs === 0 && random.bool()) return () => Promise.try(ends);
  const lingersMs = random.bool(0.2) ? 3 : 0;
  return async (_call, { signal }) => {
    count(1);
    try {
      await clock.sleep(delayMs, signal);
      return ends();
    } finally {
      if (lingersMs > 0) await clock.sleep(lingersMs);
      count(-1);
    }
  };
}

property(
  "each part has one outcome, and nothing runs when the iteration has ended",
  300,
  async (random) => {
    const clock = new ManualClock();
    const request = new AbortController();
    let inFlight = 0;
    const names = random.list(0, 8, (index) => `p${index}`);
    const parts = names.map((name) =>
      partOf(name, randomSource(random, clock, (by) => inFlight += by))
    );
    const stopsAfter = random.bool(0.3) ? random.int(1, 8) : Infinity;
    const isSlow = random.bool(0.3);
    if (random.bool(0.3)) {
      const end = new GatewayError("cancelled", "the client went away");
      clock.sleep(random.int(0, 100)).then(() => request.abort(end));
    }
    const ctx = testContext({ signal: request.signal });
    const seen: string[] = [];
    let inFlightAtEnd: number | undefined;
    const consume = async () => {
      for await (const { part, reply, error } of settle(parts, ctx, { clock })) {
        assert((reply === undefined) !== (error === undefined));
        seen.push(part);
        if (seen.length >= stopsAfter) break;
        if (isSlow) await clock.sleep(7);
      }
      inFlightAtEnd = inFlight;
    };
    const consuming = consume();
    for (let steps = 0; steps < 200 && inFlightAtEnd === undefined; steps++) await clock.advance(1);
    await consuming;
    assertEquals(inFlightAtEnd, 0);
    assertEquals(new Set(seen).size, seen.length, "an outcome came twice");
    assertEquals(seen.length, Math.min(names.length, stopsAfter));
  },
);

// Needs.

const needing = (name: string, source: Source, ...needs: readonly string[]): Part => ({
  ...partOf(name, source),
  call: () => testCall({ path: `/${name}` }),
  needs,
});

const failureOf = (kind: GatewayError["kind"]) => new GatewayError(kind, "it failed");

Deno.test("a part is asked as soon as what it needs is there, with a question made then", async () => {
  const script = new ScriptedSource();
  let isThere = false;
  const parts = [
    { ...needing("c", script.source, "a", "b"), call: () => testCall({ path: `/c${isThere}` }) },
    needing("a", script.source),
    needing("b", script.source),
  ];
  const outcomes = collect(parts, testContext(), new ManualClock());
  const asked = () => script.asked.map(({ call }) => call.path);
  await settled();
  assertEquals(asked(), ["/a", "/b"]);
  script.at(1).answerJson(1);
  await settled();
  assertEquals(asked(), ["/a", "/b"]);
  isThere = true;
  script.at(0).answerJson(1);
  await settled();
  assertEquals(asked(), ["/a", "/b", "/ctrue"]);
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

Deno.test("a part whose need failed is not asked, nor is any that needs it", async () => {
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
  const cause = new GatewayError("upstream-refused", "the upstream answered 401", {
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

Deno.test("what becomes ready when the request has ended is not asked", async () => {
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

Deno.test("parts in a circle, and a need that is no part, are the caller's mistake", async () => {
  const script = new ScriptedSource();
  const circle = [needing("a", script.source, "b"), needing("b", script.source, "a")];
  await assertRejects(
    () => collect(circle, testContext(), new ManualClock()),
    Error,
    "in a circle",
  );
  const lost = [needing("a", script.source, "x")];
  await assertRejects(
    () => collect(lost, testContext(), new ManualClock()),
    Error,
    "a needs x, which is no part",
  );
  assertEquals(script.asked.length, 0);
});

Deno.test("a question that cannot be made is its part's failure", async () => {
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

// How many at once.

Deno.test("no more are asked at once than may be", async () => {
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

Deno.test("what still waits for its turn when the request ends is not asked", async () => {
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
  const told: string[] = [];
  const outcomes = settle(parts, testContext(), {
    clock: new ManualClock(),
    isDecided(outcome) {
      told.push(outcome.part);
      return decides(outcome);
    },
  });
  return { told, outcomes };
}

Deno.test("once it is decided the rest is cancelled, though nobody has taken the outcome", async () => {
  const script = new ScriptedSource();
  const parts = ["a", "b", "c"].map((name) => needing(name, script.source));
  const { told, outcomes } = decide(parts, ({ part }) => part === "b");
  const first = outcomes.next();
  await settled();
  script.at(0).answerJson(1);
  assertEquals((await first).value?.part, "a");
  script.at(1).answerJson(2);
  await settled();
  assertEquals(script.inFlight, 0);
  const { reason } = script.at(2).ctx.signal;
  assert(reason instanceof GatewayError && reason.kind === "cancelled");
  assertEquals(told, ["a", "b", "c"]);
  const rest: unknown[] = [];
  for await (const { part, error } of outcomes) rest.push([part, error?.kind]);
  assertEquals(rest, [["b", undefined], ["c", "cancelled"]]);
});

Deno.test("each outcome is told once, and what needed it is not asked after the decision", async () => {
  const script = new ScriptedSource();
  const parts = [
    needing("a", script.source),
    needing("b", script.source, "a"),
    needing("c", script.source, "b"),
  ];
  const { told, outcomes } = decide(parts, ({ part }) => part === "a");
  const reading = Array.fromAsync(outcomes);
  await settled();
  script.at(0).answerJson(1);
  assertEquals((await reading).map(({ part, error }) => [part, error?.kind]), [
    ["a", undefined],
    ["b", "cancelled"],
    ["c", "cancelled"],
  ]);
  assertEquals([told, script.asked.length], [["a", "b", "c"], 1]);
});

Deno.test("an answer that came after the decision is not needed; a failure is told as it is", async () => {
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
