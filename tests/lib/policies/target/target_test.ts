import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { GatewayError } from "../../../../lib/core/errors.ts";
import type { Context, Policy, Reply } from "../../../../lib/core/source.ts";
import { guard } from "../../../../lib/core/source.ts";
import { upstreamFailure, UpstreamFault } from "../../../../lib/core/upstream_fault.ts";
import { json } from "../../../../lib/json/json_reply.ts";
import { buffer } from "../../../../lib/policies/buffer.ts";
import { hedge } from "../../../../lib/policies/hedge/hedge.ts";
import { HedgeBudget } from "../../../../lib/policies/hedge/hedge_budget.ts";
import { HedgeDelay } from "../../../../lib/policies/hedge/hedge_delay.ts";
import { retry } from "../../../../lib/policies/retry/retry.ts";
import { RetryBudget } from "../../../../lib/policies/retry/retry_budget.ts";
import { target } from "../../../../lib/policies/target/target.ts";
import { TargetSet } from "../../../../lib/policies/target/target_set.ts";
import { timeout } from "../../../../lib/policies/timeout.ts";
import { Body } from "../../../../lib/core/body.ts";
import { testCall, testContext } from "../../../support/context.ts";
import { ManualClock, settled } from "../../../support/manual_clock.ts";
import { property, Random } from "../../../support/random.ts";
import { ScriptedSource } from "../../../support/scripted_source.ts";

/** Targets that a test plays, called `a`, `b`, …, of which the first one drawn is the first one. */
function play({ count = 2, random = (): number => 0, outer = [] as readonly Policy[] } = {}) {
  const clock = new ManualClock();
  const told: string[] = [];
  const set = new TargetSet({
    clock,
    random,
    report: ({ target, event, cause }) => told.push(`${target} ${event} ${cause}`.trim()),
  });
  const scripts = Array.from({ length: count }, () => new ScriptedSource());
  const entries = scripts.map(({ source }, index) => {
    const name = String.fromCharCode("a".charCodeAt(0) + index);
    return { key: name, name, weight: 1, source };
  });
  set.update(entries);
  const next = new ScriptedSource();
  const source = guard(next.source, ...outer, target({ targets: set, clock }));
  const ask = (ctx: Partial<Context> = {}, call = testCall()) => source(call, testContext(ctx));
  /** How often each was asked. */
  const asked = () => scripts.map(({ asked }) => asked.length);
  return { clock, told, set, scripts, entries, next, source, ask, asked };
}

/** Plays targets that respond at once. */
function playAtOnce(
  replies: readonly (() => Reply | GatewayError)[],
  random = (): number => 0,
) {
  const clock = new ManualClock();
  const told: string[] = [];
  const set = new TargetSet({
    clock,
    random,
    report: ({ target, event, cause }) => told.push(`${target} ${event} ${cause}`.trim()),
  });
  const counts = replies.map(() => 0);
  set.update(replies.map((reply, index) => ({
    key: `${index}`,
    name: `${index}`,
    weight: 1,
    source: async () => {
      counts[index] = (counts[index] ?? 0) + 1;
      const result = await Promise.resolve(reply());
      if (result instanceof GatewayError) throw result;
      return result;
    },
  })));
  const policy = target({ targets: set, clock });
  const source = policy(() => Promise.reject(new Error("never")));
  const ask = (ctx: Partial<Context> = {}) => source(testCall(), testContext(ctx));
  return { clock, told, set, counts, policy, ask };
}

const ok = () => json(1);
const status = (code: number, headers: Record<string, string> = {}) => (): Reply => ({
  ...json(null, code),
  headers: new Headers(headers),
});
const refused = () => upstreamFailure(new UpstreamFault("refused", "no"));
const reset = () => upstreamFailure(new UpstreamFault("reset", "no"));

Deno.test("with one target, calls go to the next source as they are", () => {
  const { ask, next, asked, set } = play({ count: 1 });
  const ctx = testContext();
  ask(ctx);
  assertEquals([next.asked.length, asked()], [1, [0]]);
  assertEquals(set.targets[0]?.inFlight, 0);
});

Deno.test("a target with a call in flight gives way to one without", async () => {
  const { ask, scripts, asked, set } = play();
  const first = ask();
  const second = ask();
  assertEquals(asked(), [1, 1]);
  const reply = json(7);
  scripts[0]?.at(0).answer(reply);
  assertStrictEquals(await first, reply);
  scripts[1]?.at(0).answer(reply);
  await second;
  assertEquals(set.targets.map(({ inFlight }) => inFlight), [0, 0]);
});

Deno.test("a call that is cancelled leaves nothing in flight, and is no failure", async () => {
  const { ask, set, told } = play();
  for (let n = 0; n < 12; n++) {
    const client = new AbortController();
    const asking = ask({ signal: client.signal });
    client.abort(new GatewayError("cancelled", "left"));
    await assertRejects(() => asking, GatewayError, "left");
  }
  assertEquals(set.targets.map(({ inFlight }) => inFlight), [0, 0]);
  assertEquals(told, []);
});

for (
  const [what, reply, cause] of [
    ["a 500", status(500), "status 500"],
    ["a 429", status(429), "status 429"],
    ["a lost connection", reset, "reset (no)"],
    ["an invalid response", () => new GatewayError("upstream-invalid", "bad"), "bad"],
    ["a timeout", () => new GatewayError("upstream-timeout", "late"), "late"],
    ["a deadline", () => new GatewayError("deadline-exceeded", "late"), "late"],
  ] as const
) {
  Deno.test(`${what} is a failure: five in a row eject a target`, async () => {
    const { ask, set, told } = playAtOnce([reply, ok]);
    const other = set.targets.slice(1);
    for (let n = 0; n < 5; n++) {
      assertEquals(told, []);
      await ask({ tried: [...other] }).catch(() => {});
    }
    assertEquals(told, [`0 ejected for 5 s: ${cause}`]);
  });
}

for (const code of [200, 404, 501]) {
  Deno.test(`a ${code} is a success`, async () => {
    const { ask, told } = playAtOnce([status(code), status(code)]);
    for (let n = 0; n < 20; n++) await ask();
    assertEquals(told, []);
  });
}

Deno.test("the last working target is not ejected", async () => {
  const { ask, told, counts } = playAtOnce([status(500), status(500)]);
  for (let n = 0; n < 40; n++) await ask();
  assertEquals(told.length, 1);
  const sum = (counts[0] ?? 0) + (counts[1] ?? 0);
  assertEquals(sum, 40);
});

Deno.test("when fewer than a third work, all are used", () => {
  for (const [count, out, expected] of [[3, 2, 1], [4, 2, 2], [4, 3, 4], [2, 1, 1]] as const) {
    const random = new Random(count);
    const { set } = play({ count, random: () => random.int(0, 999) / 1000 });
    for (const target of set.targets.slice(0, out)) {
      for (let n = 0; n < 5; n++) set.failed(target, 0, 0, "no");
    }
    const used = new Set(Array.from({ length: 200 }, () => set.choose(1)));
    assertEquals(used.size, expected, `${out} of ${count} are out`);
  }
});

Deno.test("a Retry-After keeps calls away, for at most 30 s", async () => {
  const { ask, counts, clock } = playAtOnce([status(503, { "retry-after": "3600" }), ok]);
  await ask();
  for (let n = 0; n < 20; n++) await ask();
  assertEquals(counts, [1, 20]);
  await clock.advance(29_999);
  await ask();
  assertEquals(counts, [1, 21]);
  await clock.advance(20_001);
  await ask();
  assertEquals(counts, [2, 21]);
});

Deno.test("a Retry-After of the only working target is ignored", async () => {
  const held = status(503, { "retry-after": "10" });
  const { ask, counts } = playAtOnce([held, held]);
  for (let n = 0; n < 20; n++) await ask();
  assertEquals((counts[0] ?? 0) + (counts[1] ?? 0), 20);
});

Deno.test("a Retry-After is ignored where the other targets do not work", () => {
  const random = new Random(1);
  const { set } = play({ random: () => random.int(0, 999) / 1000 });
  for (const target of set.targets) {
    for (let n = 0; n < 5; n++) set.failed(target, 0, 0, "no");
  }
  const [held] = set.targets;
  assert(held);
  set.hold(held, 1_000, 0);
  const used = new Set(Array.from({ length: 50 }, () => set.choose(1)));
  assert(used.has(held));
});

Deno.test("where no connection can be made, another target is called at once", async () => {
  const { ask, counts } = playAtOnce([refused, ok]);
  assertEquals((await ask()).status, 200);
  assertEquals(counts, [1, 1]);
});

Deno.test("a connection that is lost later is not a reason to call another target", async () => {
  const { ask, counts } = playAtOnce([reset, ok]);
  await assertRejects(() => ask(), GatewayError);
  assertEquals(counts, [1, 0]);
});

Deno.test("when no target can be reached, each is called once", async () => {
  const { ask, counts } = playAtOnce([refused, refused, refused]);
  await assertRejects(() => ask(), GatewayError, "no connection");
  assertEquals(counts, [1, 1, 1]);
});

Deno.test("a streamed request body is not sent to another target", async () => {
  const { ask, asked, scripts } = play();
  const body = Body.from({ stream: new ReadableStream() });
  const asking = ask({}, testCall({ method: "POST", body }));
  scripts[0]?.at(0).fail(refused());
  await assertRejects(() => asking, GatewayError);
  assertEquals(asked(), [1, 0]);
});

Deno.test("a target that comes back gets a tenth of its weight, and all of it after ten seconds", async () => {
  const { set, clock } = play();
  const [a] = set.targets;
  assert(a);
  assertEquals(a.weightAt(0), 1, "not at the start");
  for (let n = 0; n < 5; n++) set.failed(a, 0, 0, "no");
  assert(!a.isIn(4_999));
  await clock.advance(5_000);
  assert(a.isIn(5_000));
  const weights = [0, 1_000, 5_000, 10_000].map((since) => a.weightAt(5_000 + since));
  assertEquals(weights, [0.1, 0.1, 0.5, 1]);
});

Deno.test("targets that stay keep their state when the list changes, new ones start slowly", async () => {
  const { set, entries, clock } = play();
  const [a] = set.targets;
  const [first] = entries;
  assert(a && first);
  await clock.advance(1_000);
  set.update([{ ...first, weight: 4 }, { ...first, key: "c" }]);
  const [still, added] = set.targets;
  assertStrictEquals(still, a);
  assertEquals([a.weightAt(1_000), added?.weightAt(1_000), added?.weightAt(11_000)], [4, 0.1, 1]);
});

/** Retries before targets that respond at once. */
function playRetries(replies: readonly (() => Reply | GatewayError)[]) {
  const { clock, set, counts, policy } = playAtOnce(replies);
  const source = guard(
    () => Promise.reject(new Error("never")),
    retry({
      attempts: 3,
      backoffMs: 0,
      maxBackoffMs: 0,
      methods: new Set(["GET"]),
      budget: new RetryBudget({ share: 1, minPerSecond: 10, clock }),
      targets: set,
      clock,
      random: () => 0,
    }),
    policy,
  );
  const ask = (ctx: Partial<Context> = {}) => source(testCall(), testContext(ctx));
  return { clock, counts, ask };
}

Deno.test("retry -> target: a retry goes to a target that was not tried", async () => {
  const { clock, counts, ask } = playRetries([status(500), status(500), ok]);
  const asking = ask();
  await clock.advance(1);
  assertEquals((await asking).status, 200);
  assertEquals(counts, [1, 1, 1]);
});

Deno.test("retry -> target: a Retry-After is not waited for where another target is free", async () => {
  const busy = status(503, { "retry-after": "20" });
  const { clock, counts, ask } = playRetries([busy, ok]);
  const asking = ask({ deadline: 1_000 });
  await clock.advance(1);
  assertEquals((await asking).status, 200);
  assertEquals(counts, [1, 1]);
});

Deno.test("retry -> target: a Retry-After of every target is waited for", async () => {
  const busy = status(503, { "retry-after": "20" });
  const { clock, counts, ask } = playRetries([busy, busy]);
  const asking = ask({ deadline: 10_000 });
  await clock.advance(1);
  assertEquals((await asking).status, 503);
  assertEquals(counts, [1, 1]);
});

Deno.test("hedge -> target: the second call goes to another target, and the loser is no failure", async () => {
  const { clock, entries, scripts, asked } = play({ count: 2 });
  const told: string[] = [];
  const set = new TargetSet({ clock, random: () => 0, report: ({ event }) => told.push(event) });
  set.update(entries);
  const source = guard(
    () => Promise.reject(new Error("never")),
    hedge({
      delay: new HedgeDelay({ ms: 80 }, clock),
      budget: new HedgeBudget(1),
      retryBudget: new RetryBudget({ share: 1, minPerSecond: 10, clock }),
      countsCalls: true,
      methods: new Set(["GET"]),
      clock,
    }),
    target({ targets: set, clock }),
  );
  const asking = source(testCall(), testContext());
  await clock.advance(80);
  assertEquals(asked(), [1, 1]);
  await clock.advance(20);
  scripts[1]?.at(0).answer(json(7));
  assertEquals(await (await asking).body.json(10), 7);
  const [slow] = set.targets;
  assertEquals([slow?.inFlight, slow?.failureRateAt(100), told.length], [0, 0, 0]);
  assertEquals(slow?.latencyAt(100), 100, "it would have taken at least as long");
});

Deno.test("buffer -> target: a body that is too large says nothing about the target", async () => {
  const { told, policy, set } = playAtOnce([() => json("too long"), () => json("too long")]);
  const source = guard(
    () => Promise.reject(new Error("never")),
    buffer({ maxBytes: 4 }),
    policy,
  );
  for (let n = 0; n < 12; n++) {
    await assertRejects(() => source(testCall(), testContext()), GatewayError, "larger than 4");
  }
  assertEquals(told, []);
  assertEquals(set.targets.map((target) => target.failureRateAt(0)), [0, 0]);
});

Deno.test("timeout -> target with a blocked source: it is slow, and has failed", async () => {
  const clock = new ManualClock();
  const { scripts, set, entries, told } = play();
  const slow = new TargetSet({ clock, random: () => 0, report: () => {} });
  slow.update(entries);
  const source = guard(
    () => Promise.reject(new Error("never")),
    timeout({ timeoutMs: 100, clock }),
    target({ targets: slow, clock }),
  );
  const asking = source(testCall(), testContext());
  const failed = assertRejects(() => asking, GatewayError, "no response within 100 ms");
  await clock.advance(100);
  await failed;
  await settled();
  const [a, b] = slow.targets;
  assertEquals([a?.latencyAt(100), b?.latencyAt(100)], [100, 0]);
  assert((a?.failureRateAt(100) ?? 0) > 0);
  assertEquals([scripts[0]?.inFlight, a?.inFlight, told.length, set.targets.length], [0, 0, 0, 2]);
});

property(
  "whatever targets do, calls reach one, none stays in flight, and one always works",
  60,
  async (random) => {
    const count = random.int(2, 5);
    const outcomes = [ok, ok, status(500), status(429, { "retry-after": "5" }), refused, reset];
    const replies = Array.from({ length: count }, () => () => random.pick(outcomes)());
    const { ask, set, clock, counts } = playAtOnce(replies, () => random.int(0, 999) / 1000);
    let calls = 0;
    for (let step = 0; step < 100; step++) {
      const before = counts.reduce((sum, n) => sum + n, 0);
      await ask(
        random.bool() ? { tried: random.list(0, count, () => random.pick(set.targets)) } : {},
      )
        .catch(() => {});
      calls = counts.reduce((sum, n) => sum + n, 0);
      assert(calls > before, "a call reaches a target");
      assert(calls - before <= count, "and each at most once");
      assert(set.targets.every(({ inFlight }) => inFlight === 0));
      await clock.advance(random.pick([0, 10, 3_000]));
    }
  },
);
