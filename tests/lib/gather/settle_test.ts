import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { GatewayError } from "../../../lib/core/errors.ts";
import { json } from "../../../lib/json/json_reply.ts";
import { type Part, settle } from "../../../lib/gather/settle.ts";
import type { Source } from "../../../lib/core/source.ts";
import { testCall, testContext } from "../../support/context.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { property, type Random } from "../../support/random.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";
import { collect, partOf } from "../../support/settling.ts";

Deno.test("no parts settle to nothing", async () => {
  assertEquals(await collect([], testContext(), new ManualClock()), []);
});

Deno.test("nothing is called before an outcome is requested", async () => {
  const script = new ScriptedSource();
  const iteration = settle([partOf("a", script.source)], testContext(), {
    clock: new ManualClock(),
  });
  await settled();
  assertEquals(script.asked.length, 0);
  await iteration.return();
  assertEquals(script.asked.length, 0);
});

Deno.test("all parts are called concurrently, each with its own call", async () => {
  const script = new ScriptedSource();
  const parts = ["/a", "/b", "/c"].map((path) => ({
    name: path,
    source: script.source,
    call: testCall({ path }),
  }));
  const outcomes = collect(parts, testContext(), new ManualClock());
  await settled();
  assertEquals(script.asked.map(({ call }) => call.path), ["/a", "/b", "/c"]);
  for (const called of script.asked) called.answerJson(1);
  assertEquals((await outcomes).length, 3);
});

Deno.test("outcomes come in the order of completion, with when each started and what it took", async () => {
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
    { part: "c", startedAt: 1000, durationMs: 10, reply },
    { part: "a", startedAt: 1000, durationMs: 20, error },
    { part: "b", startedAt: 1000, durationMs: 30, reply },
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

Deno.test("a GatewayError is passed on unchanged", async () => {
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

Deno.test("a request that has ended fails every part", async () => {
  const late = new GatewayError("deadline-exceeded", "late");
  const source: Source = (_call, { signal }) => Promise.reject(signal.reason);
  const ctx = testContext({ signal: AbortSignal.abort(late) });
  const outcomes = await collect([partOf("a", source)], ctx, new ManualClock());
  assertEquals(outcomes.map(({ error }) => error), [late]);
});

Deno.test("an iteration of parts that throws leaves no call running", async () => {
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

/** A source that replies or fails after a random time, in one of many ways. */
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
