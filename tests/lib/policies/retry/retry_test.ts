import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Body, BodyTooLarge } from "../../../../lib/core/body.ts";
import { GatewayError, type Kind, KINDS } from "../../../../lib/core/errors.ts";
import { retry } from "../../../../lib/policies/retry/retry.ts";
import { json } from "../../../../lib/json/json_reply.ts";
import { testCall, testContext } from "../../../support/context.ts";
import { settled } from "../../../support/manual_clock.ts";
import { property } from "../../../support/random.ts";
import { ScriptedStream } from "../../../support/scripted_stream.ts";
import { play, status, unreachable } from "../../../support/retrying.ts";

for (let code = 200; code <= 599; code++) {
  const isTransient = [429, 500, 502, 503, 504].includes(code);
  // One test each would be 400 lines of output; the border cases have names of their own.
  if (![200, 204, 304, 400, 404, 408, 425, 429, 500, 501, 502, 503, 504, 505].includes(code)) {
    continue;
  }
  Deno.test(`a response of ${code} is ${isTransient ? "retried" : "returned"}`, async () => {
    const { clock, script, attempts, ask } = play();
    const pending = ask();
    const reply = status(code);
    script.at(0).answer(reply);
    await clock.advance(50);
    assertEquals(attempts(), isTransient ? 2 : 1);
    if (isTransient) script.at(1).answerJson(1);
    else assertStrictEquals(await pending, reply);
    assertEquals((await pending).status, isTransient ? 200 : code);
    assertEquals([clock.sleeping, script.inFlight], [0, 0]);
  });
}

Deno.test("no other status is retried", async () => {
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
    const pending = ask();
    const error = new GatewayError(kind, "no");
    script.at(0).fail(error);
    await clock.advance(50);
    if (attempts() > 1) retried.push(kind);
    else assertStrictEquals(await assertRejects(() => pending), error);
    assertEquals(clock.sleeping, 0);
  }
  assertEquals(retried.toSorted(), [
    "upstream-invalid",
    "upstream-timeout",
    "upstream-unreachable",
  ]);
});

Deno.test("a truncated response is retried, one that is too large is not", async () => {
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
  let calls = 0;
  const source = retry({
    attempts: 3,
    backoffMs: 0,
    maxBackoffMs: 0,
    methods: new Set(["GET"]),
    budget,
    clock,
    random: () => 0,
  })(() => {
    calls++;
    throw mistake;
  });
  assertStrictEquals(await assertRejects(() => source(testCall(), testContext())), mistake);
  assertEquals([calls, clock.sleeping], [1, 0]);
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
      const pending = ask();
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
      if (isLastReply) assertStrictEquals(await pending, reply);
      else assertStrictEquals(await assertRejects(() => pending), error);
      assertEquals([made(), clock.sleeping, script.inFlight], [attempts, 0, 0]);
    }
  }
});

Deno.test("every attempt is the same call in the same context", async () => {
  const { clock, script, attempts, ask } = play();
  const ctx = testContext({ deadline: 5000 });
  const call = testCall({ path: "/x", headers: new Headers({ a: "1" }) });
  const pending = ask(call, ctx);
  for (const index of [0, 1, 2]) {
    assertEquals({ ...script.at(index).call }, { ...call });
    assertStrictEquals(script.at(index).ctx.signal, ctx.signal);
    script.at(index).answer(status(500));
    await clock.advance(1000);
  }
  assertEquals((await pending).status, 500);
  assertEquals(attempts(), 3);
});

Deno.test("every attempt sees the context as it is then, and which attempt it is", async () => {
  const { clock, script, source } = play();
  const ctx = { ...testContext(), isOptional: true, deadline: 1_000_000 };
  const pending = source(testCall(), ctx);
  for (const index of [0, 1, 2]) {
    const passed = script.at(index).ctx;
    assertStrictEquals(passed.signal, ctx.signal);
    ctx.deadline += 1000;
    ctx.isOptional = !ctx.isOptional;
    assertEquals([passed.deadline, passed.isOptional], [ctx.deadline, ctx.isOptional]);
    assertEquals(passed.attempt ?? 1, index + 1);
    script.at(index).answer(status(503));
    await clock.advance(1000);
  }
  assertEquals((await pending).status, 503);
});

Deno.test("the body of a response that is retried is cancelled", async () => {
  const { clock, script, ask } = play();
  const pending = ask();
  const origin = new ScriptedStream();
  const body = Body.from({ stream: origin.stream });
  script.at(0).answer({ status: 503, headers: new Headers(), body });
  await clock.advance(50);
  assert(origin.isCancelled);
  script.at(1).answerJson(1);
  assertEquals((await pending).status, 200);
});

Deno.test("the body of a response is cancelled before the wait, also of one who leaves in it", async () => {
  const request = new AbortController();
  const { clock, script, ask } = play();
  const pending = ask({}, { signal: request.signal });
  const origin = new ScriptedStream();
  const body = Body.from({ stream: origin.stream });
  script.at(0).answer({ status: 503, headers: new Headers(), body });
  await clock.advance(1);
  assertEquals([origin.isCancelled, clock.sleeping], [true, 1]);
  request.abort(new GatewayError("cancelled", "left"));
  await assertRejects(() => pending);
});

Deno.test("the body of a response that is not retried is left untouched", async () => {
  for (const [budget, deadline] of [[0, Infinity], [9, 50]] as const) {
    const { script, ask } = play({}, { minPerSecond: budget });
    const pending = ask({}, { deadline });
    const origin = new ScriptedStream();
    const body = Body.from({ stream: origin.stream });
    script.at(0).answer({ status: 503, headers: new Headers(), body });
    assertStrictEquals((await pending).body, body);
    assert(!origin.isCancelled);
  }
});

Deno.test("the body of the last response is left to the caller", async () => {
  const { script, ask } = play({ attempts: 1 });
  const pending = ask();
  const origin = new ScriptedStream();
  const body = Body.from({ stream: origin.stream });
  script.at(0).answer({ status: 503, headers: new Headers(), body });
  assertStrictEquals((await pending).body, body);
  assert(!origin.isCancelled);
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
      const pending = script.asked[answered];
      if (clock.monotonic() >= deadline) {
        request.abort(last = late);
      } else if (clock.monotonic() >= leavesAt) {
        request.abort(last = left);
      } else if (pending && random.bool(0.7)) {
        assert(clock.monotonic() < deadline, "an attempt began after the deadline");
        answered++;
        if (random.bool(0.5)) {
          const error = new GatewayError(
            random.pick(["upstream-unreachable", "upstream-timeout", "upstream-error"]),
            "no",
          );
          pending.fail(error);
          last = error;
        } else {
          const reply = json(1, random.pick([200, 503, 429, 404]));
          pending.answer(reply);
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
