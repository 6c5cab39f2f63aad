import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Body } from "../../../../lib/core/body.ts";
import { NoRoom } from "../../../../lib/core/buffer_budget.ts";
import { GatewayError, type Kind } from "../../../../lib/core/errors.ts";
import type { Call, Context } from "../../../../lib/core/source.ts";
import { breaker } from "../../../../lib/policies/breaker/breaker.ts";
import { Circuit, type CircuitState } from "../../../../lib/policies/breaker/circuit.ts";
import { watchCalls } from "../../../../lib/policies/breaker/watch_calls.ts";
import { testCall, testContext } from "../../../support/context.ts";
import { ManualClock } from "../../../support/manual_clock.ts";
import { type Asked, ScriptedSource } from "../../../support/scripted_source.ts";

/** A breaker that opens at two bad calls, and needs two probes. */
function play() {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const circuit = new Circuit({
    windowMs: 10_000,
    minCalls: 2,
    failureRate: 1,
    slowAfterMs: 1_000,
    slowRate: 1,
    openForMs: 5_000,
    probes: 2,
  });
  const changes: CircuitState[] = [];
  const onChange = (state: CircuitState) => changes.push(state);
  const source = breaker({ circuit, clock })(
    watchCalls({ circuit, clock, onChange })(script.source),
  );
  const call = (overrides: Partial<Context> = {}, call: Partial<Call> = {}) => {
    const reply = source(testCall(call), testContext(overrides));
    reply.catch(() => {});
    return reply;
  };
  const end = async (how: (asked: Asked) => void, overrides: Partial<Context> = {}) => {
    const reply = call(overrides);
    const asked = script.asked.at(-1);
    if (asked) how(asked);
    await reply.catch(() => {});
  };
  return { clock, script, circuit, changes, call, end };
}

const good = (asked: Asked) => asked.answerJson(1);
const bad = (asked: Asked) => asked.answerJson(1, 500);
const failing = (kind: Kind) => (asked: Asked) => asked.fail(new GatewayError(kind, "no"));

/** A breaker that has just opened. */
async function playOpen() {
  const it = play();
  await it.end(bad);
  await it.end(bad);
  assertEquals(it.changes, ["open"]);
  return it;
}

const SHOWS_NOTHING: readonly Kind[] = ["cancelled", "request-timeout", "payload-too-large"];
const FAILED: readonly Kind[] = [
  "upstream-unreachable",
  "upstream-invalid",
  "upstream-timeout",
  "deadline-exceeded",
  "internal",
];

for (const kind of FAILED) {
  Deno.test(`${kind} counts as a failure`, async () => {
    const { circuit, end } = play();
    await end(failing(kind));
    assertEquals(circuit.countsAt(0).failed, 1);
  });
}

for (const kind of SHOWS_NOTHING) {
  Deno.test(`${kind} counts as neither success nor failure`, async () => {
    const { clock, circuit, end } = play();
    await end(failing(kind));
    assertEquals(circuit.countsAt(clock.monotonic()).calls, 0);
  });
}

Deno.test("a body for which the gateway has no memory shows nothing about the upstream", async () => {
  const { circuit, end } = play();
  const full = new GatewayError("overloaded", "full", { cause: new NoRoom() });
  await end((asked) => asked.fail(full));
  assertEquals(circuit.countsAt(0).calls, 0);
});

Deno.test("5xx and 429 count as failures, other statuses do not", async () => {
  for (const [status, failed] of [[200, 0], [404, 0], [499, 0], [429, 1], [500, 1], [599, 1]]) {
    const { circuit, end } = play();
    await end((asked) => asked.answerJson(1, status));
    assertEquals(circuit.countsAt(0), { calls: 1, failed: failed ?? 0, slow: 0 });
  }
});

Deno.test("a call that the timeout or the deadline ends is slow too, however short it was", async () => {
  const { circuit, end } = play();
  await end(failing("upstream-timeout"));
  await end(failing("deadline-exceeded"));
  assertEquals(circuit.countsAt(0), { calls: 2, failed: 2, slow: 2 });
});

Deno.test("a reply that takes slowAfter is slow", async () => {
  const { clock, script, circuit, changes, call } = play();
  for (const [index, ms] of [999, 1_000].entries()) {
    const reply = call();
    await clock.advance(ms);
    script.at(index).answerJson(1);
    await reply;
  }
  assertEquals(circuit.countsAt(clock.monotonic()), { calls: 2, failed: 0, slow: 1 });
  assertEquals(changes, []);
});

Deno.test("an upload whose client is slow does not make the upstream slow", async () => {
  const { clock, script, circuit, call } = play();
  const reply = call({}, { body: Body.from({ stream: new ReadableStream() }) });
  await clock.advance(9_000);
  script.at(0).answerJson(1);
  await reply;
  assertEquals(circuit.countsAt(clock.monotonic()), { calls: 1, failed: 0, slow: 0 });
});

Deno.test("a call that begins after its deadline is not the upstream's failure", async () => {
  const { circuit, end } = play();
  await end(failing("deadline-exceeded"), { deadline: 0 });
  assertEquals(circuit.countsAt(0).calls, 0);
});

Deno.test("while it is open it rejects at once, with the rest of openFor as Retry-After", async () => {
  const { clock, script, call } = await playOpen();
  for (const [ms, seconds] of [[0, "5"], [100, "5"], [3_000, "2"], [1_899, "1"]] as const) {
    await clock.advance(ms);
    const error = await assertRejects(() => call(), GatewayError);
    assertEquals([error.kind, error.status], ["breaker-open", 503]);
    assertEquals(error.headers, { "retry-after": seconds });
  }
  assertEquals(script.asked.length, 2);
});

Deno.test("two probes run at a time, and close it together; others are rejected meanwhile", async () => {
  const { clock, script, changes, call } = await playOpen();
  await clock.advance(5_000);
  const probes = [call(), call()];
  const error = await assertRejects(() => call(), GatewayError);
  assertEquals([error.kind, error.headers["retry-after"]], ["breaker-open", "1"]);
  script.at(2).answerJson(1);
  await probes[0];
  await assertRejects(() => call(), GatewayError);
  script.at(3).answerJson(1);
  await probes[1];
  assertEquals(changes, ["open", "closed"]);
  assertEquals(script.asked.length, 4);
});

Deno.test("a bad probe opens it again; the other one then decides nothing", async () => {
  const { clock, script, changes, call } = await playOpen();
  await clock.advance(5_000);
  const probes = [call(), call()];
  script.at(2).answerJson(1, 503);
  await probes[0];
  script.at(3).answerJson(1);
  await probes[1];
  assertEquals(changes, ["open", "open"]);
  const error = await assertRejects(() => call(), GatewayError);
  assertEquals(error.headers["retry-after"], "5");
});

Deno.test("a probe whose client leaves gives its place to another", async () => {
  const { clock, script, changes, call, end } = await playOpen();
  await clock.advance(5_000);
  const client = new AbortController();
  const left = call({ signal: client.signal });
  const other = call();
  await assertRejects(() => call(), GatewayError);
  client.abort(new GatewayError("cancelled", "left"));
  await assertRejects(() => left, GatewayError, "left");
  await end(good);
  script.at(3).answerJson(1);
  await other;
  assertEquals(changes, ["open", "closed"]);
});

Deno.test("a late reply to a call from before it opened does not close it, nor open it again", async () => {
  const { clock, script, changes, call, end } = play();
  const early = [call(), call()];
  await end(bad);
  await end(bad);
  await clock.advance(5_000);
  const probe = call();
  script.at(0).answerJson(1, 500);
  await early[0];
  script.at(1).answerJson(1);
  await early[1];
  assertEquals(changes, ["open"]);
  script.at(4).answerJson(1);
  await probe;
  await end(good);
  assertEquals(changes, ["open", "closed"]);
});

Deno.test("the result passes unchanged", async () => {
  const { script, call } = play();
  const pending = call();
  script.at(0).answerJson(7);
  assertEquals(await (await pending).body.json(9), 7);
  const error = new GatewayError("upstream-unreachable", "no");
  const failing = call();
  script.at(1).fail(error);
  assertStrictEquals(await assertRejects(() => failing), error);
  assert(script.inFlight === 0);
});
