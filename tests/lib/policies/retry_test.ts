import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Body, BodyTooLarge } from "../../../lib/body.ts";
import { GatewayError, type Kind, KINDS } from "../../../lib/errors.ts";
import { retry, type RetryOptions } from "../../../lib/policies/retry.ts";
import { timeout } from "../../../lib/policies/timeout.ts";
import { json } from "../../../lib/reply.ts";
import { RetryBudget, type RetryBudgetOptions } from "../../../lib/retry_budget.ts";
import type { Call, Context, Reply } from "../../../lib/source.ts";
import { testCall, testContext } from "../../support/context.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { property } from "../../support/random.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";
import { ScriptedStream } from "../../support/scripted_stream.ts";

/** Shows another time whenever it is read, as a machine's clock does. */
class RestlessClock extends ManualClock {
  #reads = 0;

  override monotonic(): number {
    return super.monotonic() + this.#reads++ / 1000;
  }
}

/** `random` 1 stands for the longest waits, which make plain numbers. */
function play(
  options: Partial<RetryOptions> = {},
  budgetOptions: Partial<RetryBudgetOptions> = {},
) {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const budget = new RetryBudget({ share: 0, minPerSecond: 1000, clock, ...budgetOptions });
  const policy = retry({
    attempts: 3,
    backoffMs: 50,
    maxBackoffMs: 1000,
    methods: new Set(["GET"]),
    budget,
    clock,
    random: () => 1,
    ...options,
  });
  const source = policy(script.source);
  /** How many attempts have been made. */
  const attempts = () => script.asked.length;
  const ask = (call: Partial<Call> = {}, ctx: Partial<Context> = {}) => {
    const asked = source(testCall(call), testContext(ctx));
    asked.catch(() => {});
    return asked;
  };
  return { clock, script, budget, attempts, ask, source, policy };
}

const unreachable = () => new GatewayError("upstream-unreachable", "nobody there");

function status(code: number, headers: Record<string, string> = {}): Reply {
  return { status: code, headers: new Headers(headers), body: Body.of(new Uint8Array()) };
}

for (let code = 200; code <= 599; code++) {
  const isTransient = [429, 500, 502, 503, 504].includes(code);
  // One test each would be 400 lines of output; the border cases have names of their own.
  if (![200, 204, 304, 400, 404, 408, 425, 429, 500, 501, 502, 503, 504, 505].includes(code)) {
    continue;
  }
  Deno.test(`an answer of ${code} is ${isTransient ? "asked for again" : "an answer"}`, async () => {
    const { clock, script, attempts, ask } = play();
    const asked = ask();
    const reply = status(code);
    script.at(0).answer(reply);
    await clock.advance(50);
    assertEquals(attempts(), isTransient ? 2 : 1);
    if (isTransient) script.at(1).answerJson(1);
    else assertStrictEquals(await asked, reply);
    assertEquals((await asked).status, isTransient ? 200 : code);
    assertEquals([clock.sleeping, script.inFlight], [0, 0]);
  });
}

Deno.test("no other status is asked for again", async () => {
  const retried: number[] = [];
  for (let code = 200; code <= 599; code++) {
    const { clock, script, attempts, ask } = play();
    ask();
    script.at(0).answer(status(code));
    await clock.advance(50);
    if (attempts() > 1) retried.push(code);
  }
  assertEquals(retried, [429, 500, 502, 503, 504]);
});

Deno.test("of all kinds of failure three may be better in a moment", async () => {
  const retried: Kind[] = [];
  for (const kind of Object.keys(KINDS).filter((name): name is Kind => name in KINDS)) {
    const { clock, script, attempts, ask } = play();
    const asked = ask();
    const error = new GatewayError(kind, "no");
    script.at(0).fail(error);
    await clock.advance(50);
    if (attempts() > 1) retried.push(kind);
    else assertStrictEquals(await assertRejects(() => asked), error);
    assertEquals(clock.sleeping, 0);
  }
  assertEquals(retried.toSorted(), [
    "upstream-invalid",
    "upstream-timeout",
    "upstream-unreachable",
  ]);
});

Deno.test("an answer that broke off is asked for again, one that is too large is not", async () => {
  for (
    const [cause, expected] of [[new TypeError("reset"), 2], [new BodyTooLarge(9), 1]] as const
  ) {
    const { clock, script, attempts, ask } = play();
    ask();
    script.at(0).fail(new GatewayError("upstream-invalid", "no", { cause }));
    await clock.advance(50);
    assertEquals(attempts(), expected);
  }
});

Deno.test("what is no GatewayError is a mistake of ours, and not made twice", async () => {
  const { clock, budget } = play();
  const mistake = new TypeError("oops");
  let asked = 0;
  const source = retry({
    attempts: 3,
    backoffMs: 0,
    maxBackoffMs: 0,
    methods: new Set(["GET"]),
    budget,
    clock,
    random: () => 0,
  })(() => {
    asked++;
    throw mistake;
  });
  assertStrictEquals(await assertRejects(() => source(testCall(), testContext())), mistake);
  assertEquals([asked, clock.sleeping], [1, 0]);
});

Deno.test("only the methods that are named are called again", async () => {
  const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
  for (const allowed of [["GET"], ["GET", "HEAD"], ["POST"], []]) {
    const retried: string[] = [];
    for (const method of methods) {
      for (const fails of [true, false]) {
        const { clock, script, attempts, ask } = play({ methods: new Set(allowed) });
        ask({ method });
        if (fails) script.at(0).fail(unreachable());
        else script.at(0).answer(status(503));
        await clock.advance(50);
        if (attempts() > 1) retried.push(method);
      }
    }
    assertEquals(retried, methods.filter((m) => allowed.includes(m)).flatMap((m) => [m, m]));
  }
});

Deno.test("a call is made as often as it may be and no more, and ends as its last attempt did", async () => {
  for (const attempts of [1, 2, 3, 7]) {
    for (const isLastReply of [true, false]) {
      const { clock, script, ask, attempts: made } = play({ attempts });
      const asked = ask();
      const reply = status(502);
      const error = unreachable();
      for (let attempt = 1; attempt < attempts; attempt++) {
        if (attempt % 2 === 0) script.at(attempt - 1).fail(unreachable());
        else script.at(attempt - 1).answer(status(503));
        await clock.advance(10_000);
      }
      if (isLastReply) script.at(attempts - 1).answer(reply);
      else script.at(attempts - 1).fail(error);
      await clock.advance(10_000);
      if (isLastReply) assertStrictEquals(await asked, reply);
      else assertStrictEquals(await assertRejects(() => asked), error);
      assertEquals([made(), clock.sleeping, script.inFlight], [attempts, 0, 0]);
    }
  }
});

Deno.test("every attempt is the same call in the same context", async () => {
  const { clock, script, attempts, ask } = play();
  const ctx = testContext({ deadline: 5000 });
  const call = testCall({ path: "/x", headers: new Headers({ a: "1" }) });
  const asked = ask(call, ctx);
  for (const index of [0, 1, 2]) {
    assertEquals({ ...script.at(index).call }, { ...call });
    assertStrictEquals(script.at(index).ctx.signal, ctx.signal);
    script.at(index).answer(status(500));
    await clock.advance(1000);
  }
  assertEquals((await asked).status, 500);
  assertEquals(attempts(), 3);
});

Deno.test("the context is passed on as it is, and not a copy of it", async () => {
  const { clock, script, source } = play();
  const ctx = testContext();
  const asked = source(testCall(), ctx);
  for (const index of [0, 1, 2]) {
    assertStrictEquals(script.at(index).ctx, ctx);
    script.at(index).answer(status(503));
    await clock.advance(1000);
  }
  assertEquals((await asked).status, 503);
});

for (const [random, waits] of [[0, [0, 0, 0, 0]], [0.999, [49.95, 99.9, 199.8, 249.75]]] as const) {
  Deno.test(`with the random number ${random} the waits are ${waits.join(", ")}`, async () => {
    const { clock, script, attempts, ask } = play({
      attempts: 5,
      maxBackoffMs: 250,
      random: () => random,
    });
    ask();
    for (const [index, ms] of waits.entries()) {
      script.at(index).fail(unreachable());
      await settled();
      if (ms > 0) {
        await clock.advance(ms - 0.01);
        assertEquals(attempts(), index + 1);
      }
      await clock.advance(0.02);
      assertEquals(attempts(), index + 2);
    }
    assertEquals(clock.sleeping, 0);
  });
}

Deno.test("an attempt is not made while it waits", async () => {
  const { clock, script, attempts, ask } = play();
  ask();
  script.at(0).answer(status(503));
  await clock.advance(49);
  assertEquals([attempts(), clock.sleeping], [1, 1]);
  await clock.advance(1);
  assertEquals([attempts(), clock.sleeping], [2, 0]);
});

for (
  const [value, what] of [
    ["2", "seconds"],
    ["Thu, 01 Jan 2026 00:00:02 GMT", "a date"],
  ] as const
) {
  Deno.test(`Retry-After as ${what} is waited for`, async () => {
    for (const code of [429, 503]) {
      const { clock, script, attempts, ask } = play({ random: () => 0 });
      ask({}, { deadline: 10_000 });
      script.at(0).answer(status(code, { "retry-after": value }));
      await clock.advance(1999);
      assertEquals(attempts(), 1);
      await clock.advance(1);
      assertEquals([attempts(), clock.sleeping], [2, 0]);
    }
  });

  Deno.test(`Retry-After as ${what} at or past the deadline ends it at once`, async () => {
    for (const [deadline, expected] of [[1500, 1], [2000, 1], [2001, 2]] as const) {
      const { clock, script, attempts, budget, ask } = play({ random: () => 0 }, {
        minPerSecond: 1,
      });
      const asked = ask({}, { deadline });
      const reply = status(429, { "retry-after": value });
      script.at(0).answer(reply);
      await settled();
      if (expected === 1) {
        assertStrictEquals(await asked, reply);
        assertEquals(clock.sleeping, 0);
        assert(budget.withdraw(), "what is not made costs nothing");
      }
      await clock.advance(2000);
      assertEquals(attempts(), expected);
    }
  });
}

Deno.test("the longer one of Retry-After and the random wait counts", async () => {
  for (const [value, longest, expected] of [["1", 3000, 3000], ["3", 1000, 3000]] as const) {
    const { clock, script, attempts, ask } = play({ backoffMs: longest, maxBackoffMs: longest });
    ask();
    script.at(0).answer(status(503, { "retry-after": value }));
    await clock.advance(expected - 1);
    assertEquals(attempts(), 1);
    await clock.advance(1);
    assertEquals(attempts(), 2);
  }
});

Deno.test("a Retry-After that is over, or cannot be understood, changes nothing", async () => {
  for (const value of ["0", "soon", "Thu, 01 Jan 2015 00:00:00 GMT"]) {
    const { clock, script, attempts, ask } = play();
    ask();
    script.at(0).answer(status(503, { "retry-after": value }));
    await clock.advance(49);
    assertEquals(attempts(), 1);
    await clock.advance(1);
    assertEquals(attempts(), 2);
  }
});

Deno.test("Retry-After of an answer that needs no other attempt is not waited for", async () => {
  const { clock, script, ask } = play();
  const asked = ask();
  script.at(0).answer(status(404, { "retry-after": "5" }));
  assertEquals((await asked).status, 404);
  assertEquals(clock.sleeping, 0);
});

Deno.test("an attempt that could not begin before the deadline is not waited for", async () => {
  for (const [deadline, isMade] of [[50, false], [51, true]] as const) {
    const { clock, script, attempts, ask } = play();
    const asked = ask({}, { deadline });
    const error = unreachable();
    script.at(0).fail(error);
    await settled();
    assertEquals(clock.sleeping, isMade ? 1 : 0);
    if (!isMade) assertStrictEquals(await assertRejects(() => asked), error);
    await clock.advance(50);
    assertEquals(attempts(), isMade ? 2 : 1);
  }
});

Deno.test("the deadline counts that is there when the attempt has failed", async () => {
  for (const [later, isMade] of [[1000, true], [70, false]] as const) {
    const { clock, script, attempts } = play();
    const source = retry({
      attempts: 3,
      backoffMs: 50,
      maxBackoffMs: 50,
      methods: new Set(["GET"]),
      budget: new RetryBudget({ share: 0, minPerSecond: 9, clock }),
      clock,
      random: () => 1,
    })(script.source);
    // As a shared call has it: a field of its own that is written to.
    const ctx: Context & { deadline: number } = {
      ...testContext(),
      deadline: isMade ? 70 : 1000,
    };
    const asked = source(testCall(), ctx);
    await clock.advance(30);
    ctx.deadline = later;
    script.at(0).answer(status(503));
    await clock.advance(50);
    assertEquals(attempts(), isMade ? 2 : 1);
    if (isMade) script.at(1).answerJson(1);
    assertEquals((await asked).status, isMade ? 200 : 503);
  }
});

Deno.test("who leaves in an attempt ends it, and there is no other", async () => {
  for (const last of [1, 2]) {
    const request = new AbortController();
    const { clock, script, attempts, ask } = play();
    const asked = ask({}, { signal: request.signal });
    for (let index = 0; index < last - 1; index++) {
      script.at(index).fail(unreachable());
      await clock.advance(1000);
    }
    const left = new GatewayError("cancelled", "the client went away");
    request.abort(left);
    assertStrictEquals(await assertRejects(() => asked), left);
    await clock.advance(10_000);
    assertEquals([attempts(), script.inFlight, clock.sleeping], [last, 0, 0]);
  }
});

Deno.test("who leaves while it waits is told at once, and nothing is asked again", async () => {
  for (const isReply of [true, false]) {
    const request = new AbortController();
    const { clock, script, attempts, ask } = play();
    const asked = ask({}, { signal: request.signal });
    if (isReply) script.at(0).answer(status(503));
    else script.at(0).fail(unreachable());
    await clock.advance(20);
    assertEquals(clock.sleeping, 1);
    const left = new GatewayError("cancelled", "the client went away");
    request.abort(left);
    assertStrictEquals(await assertRejects(() => asked), left);
    await clock.advance(10_000);
    assertEquals([attempts(), script.inFlight, clock.sleeping], [1, 0, 0]);
  }
});

Deno.test("who leaves while it waits gives the retry back, whatever the reason", async () => {
  for (const kind of ["cancelled", "deadline-exceeded", "upstream-timeout"] as const) {
    for (const isReply of [true, false]) {
      const request = new AbortController();
      const { clock, script, budget, ask } = play({ attempts: 5 }, { minPerSecond: 2 });
      const asked = ask({}, { signal: request.signal });
      if (isReply) script.at(0).answer(status(503));
      else script.at(0).fail(unreachable());
      await clock.advance(20);
      assertEquals(clock.sleeping, 1);
      const left = new GatewayError(kind, "left");
      request.abort(left);
      assertStrictEquals(await assertRejects(() => asked), left);
      const free = [1, 2, 3].map(() => budget.withdraw());
      assertEquals(free, [true, true, false], `${kind} after ${isReply ? "a reply" : "a failure"}`);
      assertEquals([script.asked.length, clock.sleeping], [1, 0]);
    }
  }
});

Deno.test("a retry is given back on a clock that does not stand still", async () => {
  const clock = new RestlessClock();
  const budget = new RetryBudget({ share: 0, minPerSecond: 1, clock });
  const { script, ask } = play({ clock, budget });
  const request = new AbortController();
  const asked = ask({}, { signal: request.signal });
  script.at(0).fail(unreachable());
  await clock.advance(20);
  assertEquals([clock.sleeping, budget.withdraw()], [1, false]);
  request.abort(new GatewayError("cancelled", "left"));
  await assertRejects(() => asked);
  assertEquals([clock.sleeping, budget.withdraw()], [0, true]);
});

Deno.test("a retry that was made is not given back", async () => {
  const request = new AbortController();
  const { clock, attempts, script, budget, ask } = play({}, { minPerSecond: 1 });
  const asked = ask({}, { signal: request.signal });
  script.at(0).fail(unreachable());
  await clock.advance(50);
  assertEquals(attempts(), 2);
  request.abort(new GatewayError("cancelled", "left"));
  await assertRejects(() => asked);
  assertEquals(budget.withdraw(), false);
});

Deno.test("an attempt that fails just as its request ends is not made again", async () => {
  const request = new AbortController();
  const { clock, attempts, script, ask } = play();
  const asked = ask({}, { signal: request.signal });
  script.at(0).fail(unreachable());
  const left = new GatewayError("cancelled", "the client went away");
  request.abort(left);
  assertStrictEquals(await assertRejects(() => asked), left);
  assertEquals([attempts(), clock.sleeping], [1, 0]);
});

Deno.test("the body of an answer that is asked for again is not kept open", async () => {
  const { clock, script, ask } = play();
  const asked = ask();
  const origin = new ScriptedStream();
  const body = Body.from({ stream: origin.stream });
  script.at(0).answer({ status: 503, headers: new Headers(), body });
  await clock.advance(50);
  assert(origin.isCancelled);
  script.at(1).answerJson(1);
  assertEquals((await asked).status, 200);
});

Deno.test("the body of an answer is let go of before the wait, also of who leaves in it", async () => {
  const request = new AbortController();
  const { clock, script, ask } = play();
  const asked = ask({}, { signal: request.signal });
  const origin = new ScriptedStream();
  const body = Body.from({ stream: origin.stream });
  script.at(0).answer({ status: 503, headers: new Headers(), body });
  await clock.advance(1);
  assertEquals([origin.isCancelled, clock.sleeping], [true, 1]);
  request.abort(new GatewayError("cancelled", "left"));
  await assertRejects(() => asked);
});

Deno.test("the body of an answer that is not asked for again is left as it is", async () => {
  for (const [budget, deadline] of [[0, Infinity], [9, 50]] as const) {
    const { script, ask } = play({}, { minPerSecond: budget });
    const asked = ask({}, { deadline });
    const origin = new ScriptedStream();
    const body = Body.from({ stream: origin.stream });
    script.at(0).answer({ status: 503, headers: new Headers(), body });
    assertStrictEquals((await asked).body, body);
    assert(!origin.isCancelled);
  }
});

Deno.test("the body of the last answer is left to who asked", async () => {
  const { script, ask } = play({ attempts: 1 });
  const asked = ask();
  const origin = new ScriptedStream();
  const body = Body.from({ stream: origin.stream });
  script.at(0).answer({ status: 503, headers: new Headers(), body });
  assertStrictEquals((await asked).body, body);
  assert(!origin.isCancelled);
});

Deno.test("without budget a call ends as its first attempt did, at once", async () => {
  for (const isReply of [true, false]) {
    const { clock, script, attempts, ask } = play({}, { minPerSecond: 0 });
    const asked = ask();
    const reply = status(503);
    const error = unreachable();
    if (isReply) script.at(0).answer(reply);
    else script.at(0).fail(error);
    if (isReply) assertStrictEquals(await asked, reply);
    else assertStrictEquals(await assertRejects(() => asked), error);
    assertEquals([attempts(), clock.sleeping], [1, 0]);
  }
});

Deno.test("each call counts once for the budget, whatever its method, and each retry once", async () => {
  const { clock, script, budget, attempts, ask } = play({}, { share: 0.5, minPerSecond: 0 });
  for (const method of ["GET", "POST", "GET"]) {
    ask({ method });
    script.at(attempts() - 1).answerJson(1);
  }
  const asked = ask();
  script.at(3).answer(status(503));
  await clock.advance(50);
  script.at(4).answer(status(503));
  await clock.advance(100);
  script.at(5).answer(status(503));
  assertEquals((await asked).status, 503);
  assertEquals(budget.withdraw(), false);
});

Deno.test("calls share one budget", async () => {
  const { clock, script, attempts, ask } = play({}, { minPerSecond: 3 });
  const asked = Array.from({ length: 10 }, () => ask());
  for (let index = 0; index < 10; index++) script.at(index).answer(status(503));
  await clock.advance(50);
  assertEquals(attempts(), 13);
  for (let index = 10; index < 13; index++) script.at(index).answerJson(1);
  const statuses = (await Promise.all(asked)).map(({ status }) => status);
  assertEquals(statuses.filter((code) => code === 200).length, 3);
});

Deno.test("timeout -> retry with a source that fails: the end of the time ends the wait", async () => {
  const { clock, script, budget, policy } = play({ attempts: 9 }, { minPerSecond: 2 });
  const source = timeout({ timeoutMs: 120, clock })(policy(script.source));
  const asked = assertRejects(() => source(testCall(), testContext()), GatewayError);
  script.at(0).fail(unreachable());
  await clock.advance(50);
  await clock.advance(70);
  assertEquals((await asked).kind, "upstream-timeout");
  assertEquals([script.asked.length, script.inFlight, clock.sleeping], [2, 0, 0]);
  assertEquals([budget.withdraw(), budget.withdraw()], [true, false]);
});

property(
  "a call ends once, as its last attempt did, in time, and leaves nothing",
  500,
  async (random) => {
    const attempts = random.int(1, 5);
    const [backoffMs, maxBackoffMs] = [random.int(0, 100), random.int(0, 300)];
    const deadline = random.int(1, 1000);
    const minPerSecond = random.int(0, 4);
    const { clock, script, ask } = play(
      { attempts, backoffMs, maxBackoffMs, random: () => random.int(0, 999) / 1000 },
      { minPerSecond },
    );
    const request = new AbortController();
    const late = new GatewayError("deadline-exceeded", "late");
    let outcome: unknown;
    ask({ method: random.pick(["GET", "GET", "GET", "POST"]) }, {
      signal: request.signal,
      deadline,
    })
      .then((reply) => outcome = reply, (error) => outcome = error);
    const leavesAt = random.bool(0.2) ? random.int(0, 500) : Infinity;
    const left = new GatewayError("cancelled", "left");
    let last: unknown;
    let answered = 0;
    while (outcome === undefined && !request.signal.aborted) {
      const end = Math.min(clock.monotonic() + random.int(0, 60), deadline, leavesAt);
      await clock.advance(end - clock.monotonic());
      const asked = script.asked[answered];
      if (clock.monotonic() >= deadline) {
        request.abort(last = late);
      } else if (clock.monotonic() >= leavesAt) {
        request.abort(last = left);
      } else if (asked && random.bool(0.7)) {
        assert(clock.monotonic() < deadline, "an attempt began after the deadline");
        answered++;
        if (random.bool(0.5)) {
          const error = new GatewayError(
            random.pick(["upstream-unreachable", "upstream-timeout", "upstream-error"]),
            "no",
          );
          asked.fail(error);
          last = error;
        } else {
          const reply = json(1, random.pick([200, 503, 429, 404]));
          asked.answer(reply);
          last = reply;
        }
      }
      await settled();
    }
    await settled();
    assertStrictEquals(outcome, last);
    const made = script.asked.length;
    assert(made <= Math.min(attempts, 1 + minPerSecond * 2), `${made} attempts`);
    await clock.advance(5000);
    assertEquals([script.asked.length, script.inFlight, clock.sleeping], [made, 0, 0]);
  },
);
