import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { abortable } from "@std/async";
import { Body } from "../../../lib/core/body.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { timeout } from "../../../lib/policies/timeout.ts";
import { json } from "../../../lib/json/json_reply.ts";
import { testCall, testContext } from "../../support/context.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";

function play(timeoutMs = 100) {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  return { clock, script, source: timeout({ timeoutMs, clock })(script.source) };
}

Deno.test("a response in time passes unchanged, and no timer remains", async () => {
  const { clock, script, source } = play();
  const call = testCall({ path: "/x" });
  const pending = source(call, testContext());
  await clock.advance(99);
  const reply = json(1);
  script.at(0).answer(reply);
  assertStrictEquals(await pending, reply);
  assertStrictEquals(script.at(0).call, call);
  assertEquals(clock.sleeping, 0);
});

Deno.test("an attempt that takes too long is aborted, and says so", async () => {
  const { clock, script, source } = play();
  const pending = assertRejects(() => source(testCall(), testContext()), GatewayError);
  await clock.advance(100);
  const error = await pending;
  assertEquals([error.kind, error.message], ["upstream-timeout", "no response within 100 ms"]);
  assertStrictEquals(script.at(0).ctx.signal.reason, error);
  assertEquals([script.inFlight, clock.sleeping], [0, 0]);
});

Deno.test("a failure in time is passed on, and no timer stays", async () => {
  const { clock, script, source } = play();
  const pending = source(testCall(), testContext());
  const error = new GatewayError("upstream-error", "no");
  script.at(0).fail(error);
  assertStrictEquals(await assertRejects(() => pending), error);
  assertEquals(clock.sleeping, 0);
});

Deno.test("the end of the request ends the attempt, for the request's reason", async () => {
  const { clock, source } = play();
  const request = new AbortController();
  const pending = source(testCall(), testContext({ signal: request.signal }));
  await clock.advance(50);
  const left = new GatewayError("cancelled", "the client went away");
  request.abort(left);
  assertStrictEquals(await assertRejects(() => pending), left);
  assertEquals(clock.sleeping, 0);
});

Deno.test("an attempt ends with its timeout, or the deadline when that comes first", async () => {
  const { clock, script, source } = play();
  await clock.advance(1000);
  const pending = [1040, 1100, 1500].map((deadline) =>
    source(testCall(), testContext({ deadline }))
  );
  await settled();
  assertEquals(script.asked.map(({ ctx }) => ctx.deadline), [1040, 1100, 1100]);
  assertEquals(clock.sleeping, 1, "one timer serves them all");
  for (const { answerJson } of script.asked) answerJson(1);
  await Promise.all(pending);
  assertEquals(clock.sleeping, 0);
});

Deno.test("an attempt for which no time is left is not begun", async () => {
  const { clock, script, source } = play();
  await clock.advance(1000);
  for (const deadline of [999, 1000]) {
    const pending = () => source(testCall(), testContext({ deadline }));
    assertEquals((await assertRejects(pending, GatewayError)).kind, "deadline-exceeded");
  }
  assertEquals([script.asked.length, clock.sleeping], [0, 0]);
});

Deno.test("the context is the request's own but for its signal and the end of the attempt", async () => {
  const { script, source } = play();
  const ctx = testContext({ deadline: 500 });
  const pending = source(testCall(), ctx);
  script.at(0).answerJson(1);
  await pending;
  const { signal, ...rest } = script.at(0).ctx;
  const { signal: requestSignal, ...expected } = ctx;
  assertEquals(rest, { ...expected, deadline: 100, record: undefined, span: undefined });
  assert(signal !== requestSignal && !signal.aborted);
});

/** A client's upload in pieces, and a source that reads it and then replies. */
function playUpload() {
  const clock = new ManualClock();
  let client: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  const body = Body.from({
    stream: new ReadableStream({ start: (controller) => void (client = controller) }),
  });
  const { promise: answer, resolve: onAnswer } = Promise.withResolvers<void>();
  const source = timeout({ timeoutMs: 100, clock })(async (call, ctx) => {
    if (call.body) await abortable(call.body.bytes(1024), ctx.signal);
    await abortable(answer, ctx.signal);
    return json(1);
  });
  return {
    clock,
    onAnswer,
    ask: (ctx = testContext()) => source(testCall({ method: "POST", body }), ctx),
    send: (text: string) => client?.enqueue(new TextEncoder().encode(text)),
    end: () => client?.close(),
  };
}

Deno.test("the timer stops while the client uploads, and restarts in full after it", async () => {
  const { clock, ask, send, end, onAnswer } = playUpload();
  const pending = ask();
  for (let piece = 0; piece < 5; piece++) {
    await clock.advance(90);
    send("piece");
  }
  await clock.advance(500);
  end();
  await clock.advance(99);
  onAnswer();
  assertEquals((await pending).status, 200);
  assertEquals(clock.sleeping, 0);
});

Deno.test("the time runs from when the upload has ended", async () => {
  const { clock, ask, end } = playUpload();
  const pending = assertRejects(() => ask(), GatewayError);
  await clock.advance(500);
  end();
  await clock.advance(100);
  assertEquals((await pending).kind, "upstream-timeout");
  assertEquals(clock.sleeping, 0);
});

Deno.test("an upload that the deadline ends is request-timeout; after it, the upstream's", async () => {
  for (
    const [hasEnded, kind] of [[false, "request-timeout"], [true, "deadline-exceeded"]] as const
  ) {
    const { clock, ask, end } = playUpload();
    const request = new AbortController();
    const ctx = testContext({ signal: request.signal, deadline: 1_000 });
    const pending = assertRejects(() => ask(ctx), GatewayError);
    await clock.advance(950);
    if (hasEnded) end();
    await clock.advance(50);
    request.abort(new GatewayError("deadline-exceeded", "late"));
    assertEquals((await pending).kind, kind);
    assertEquals(clock.sleeping, 0);
  }
});

Deno.test("an upload that is not read counts as the upstream's time", async () => {
  const clock = new ManualClock();
  const body = Body.from({ stream: new ReadableStream() });
  const stuck = timeout({ timeoutMs: 100, clock })((_call, ctx) =>
    abortable(new Promise<never>(() => {}), ctx.signal)
  );
  const call = testCall({ method: "POST", body });
  const pending = assertRejects(() => stuck(call, testContext()), GatewayError);
  await clock.advance(100);
  assertEquals((await pending).kind, "upstream-timeout");
});
