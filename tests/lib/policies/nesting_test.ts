import { assert, assertEquals, assertRejects } from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { accept } from "../../../lib/policies/accept/accept.ts";
import { buffer } from "../../../lib/policies/buffer.ts";
import { timeout } from "../../../lib/policies/timeout.ts";
import { guard, type Policy, type Source } from "../../../lib/core/source.ts";
import { functionSource } from "../../../lib/transport/function.ts";
import { testCall, testContext } from "../../support/context.ts";
import { gatherOf } from "../../support/gather_of.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { property } from "../../support/random.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";
import { ScriptedStream } from "../../support/scripted_stream.ts";

/** Answers at once with a body that comes as the test says, and breaks off like fetch's. */
function drip(origin: ScriptedStream): Source {
  return (_call, { signal }) => {
    signal.addEventListener("abort", () => origin.fail(signal.reason), { once: true });
    const body = Body.from({ stream: origin.stream });
    return Promise.resolve({ status: 200, headers: new Headers(), body });
  };
}

function policies(clock: ManualClock, timeoutMs = 100, maxBytes = 1000) {
  return {
    accept: accept({ as: "json", clock }),
    timeout: timeout({ timeoutMs, clock }),
    buffer: buffer({ maxBytes }),
  } satisfies Record<string, Policy>;
}

async function kindOf(pending: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => pending, GatewayError)).kind;
}

Deno.test("timeout -> buffer with a body that drips", async () => {
  const clock = new ManualClock();
  const origin = new ScriptedStream();
  const { timeout, buffer } = policies(clock);
  const kind = kindOf(guard(drip(origin), timeout, buffer)(testCall(), testContext()));
  for (let drops = 0; drops < 9; drops++) {
    await clock.advance(10);
    origin.deliver(".");
  }
  await clock.advance(10);
  assertEquals(await kind, "upstream-timeout");
  assertEquals(clock.monotonic(), 100);
  assertEquals(clock.sleeping, 0);
});

Deno.test("timeout -> buffer with a body that drips, and ends in time", async () => {
  const clock = new ManualClock();
  const origin = new ScriptedStream();
  const { timeout, buffer } = policies(clock);
  const pending = guard(drip(origin), timeout, buffer)(testCall(), testContext());
  await clock.advance(50);
  origin.deliver("1");
  await clock.advance(49);
  origin.end();
  assertEquals((await pending).body.length, 1);
  assertEquals(clock.sleeping, 0);
});

Deno.test("buffer -> timeout with a body that drips: the timeout ends with the head", async () => {
  const clock = new ManualClock();
  const origin = new ScriptedStream();
  const { timeout, buffer } = policies(clock);
  const pending = guard(drip(origin), buffer, timeout)(testCall(), testContext());
  await clock.advance(500);
  origin.deliver("1");
  await settled();
  origin.end();
  assertEquals((await pending).body.length, 1);
});

Deno.test("timeout -> buffer with a body that is too large is no timeout", async () => {
  const clock = new ManualClock();
  const origin = new ScriptedStream();
  const { timeout, buffer } = policies(clock, 100, 3);
  const pending = guard(drip(origin), timeout, buffer)(testCall(), testContext());
  await settled();
  origin.deliver("1234");
  assertEquals(await kindOf(pending), "upstream-invalid");
  assert(origin.isCancelled);
  assertEquals(clock.sleeping, 0);
});

Deno.test("accept -> timeout -> buffer with a blocked source", async () => {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const { accept, timeout, buffer } = policies(clock);
  const kind = kindOf(guard(script.source, accept, timeout, buffer)(testCall(), testContext()));
  await clock.advance(100);
  assertEquals(await kind, "upstream-timeout");
  assertEquals([script.inFlight, clock.sleeping], [0, 0]);
});

Deno.test("accept -> timeout -> buffer with a client that leaves while the body drips", async () => {
  const clock = new ManualClock();
  const origin = new ScriptedStream();
  const request = new AbortController();
  const { accept, timeout, buffer } = policies(clock);
  const source = guard(drip(origin), accept, timeout, buffer);
  const pending = source(testCall(), testContext({ signal: request.signal }));
  await settled();
  origin.deliver("[");
  await settled();
  request.abort(new GatewayError("cancelled", "the client went away"));
  assertEquals(await kindOf(pending), "cancelled");
  assertEquals(clock.sleeping, 0);
});

Deno.test("accept -> timeout -> buffer with a deadline before the timeout", async () => {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const request = new AbortController();
  clock.sleep(60).then(() => request.abort(new GatewayError("deadline-exceeded", "late")));
  const { accept, timeout, buffer } = policies(clock);
  const source = guard(script.source, accept, timeout, buffer);
  const ctx = testContext({ signal: request.signal, deadline: 60 });
  const kind = kindOf(source(testCall(), ctx));
  await clock.advance(60);
  assertEquals(await kind, "deadline-exceeded");
  assertEquals(clock.sleeping, 0);
});

Deno.test("timeout -> timeout: the shorter one decides, whichever is outside", async () => {
  for (const [outer, inner] of [[50, 100], [100, 50]] as const) {
    const clock = new ManualClock();
    const script = new ScriptedSource();
    const source = guard(
      script.source,
      timeout({ timeoutMs: outer, clock }),
      timeout({ timeoutMs: inner, clock }),
    );
    const pending = assertRejects(() => source(testCall(), testContext()), GatewayError);
    await clock.advance(50);
    assertEquals((await pending).message, "no response within 50 ms");
    assertEquals([script.inFlight, clock.sleeping], [0, 0]);
  }
});

Deno.test("timeout -> function with a function that does not listen", async () => {
  const clock = new ManualClock();
  const source = guard(
    functionSource(() => new Promise(() => {})),
    timeout({ timeoutMs: 100, clock }),
  );
  const kind = kindOf(source(testCall(), testContext()));
  await clock.advance(100);
  assertEquals(await kind, "upstream-timeout");
});

Deno.test("gather -> timeout -> buffer: one slow body costs its part, not the whole", async () => {
  const clock = new ManualClock();
  const [quick, slow] = [new ScriptedStream(), new ScriptedStream()];
  const { accept, timeout, buffer } = policies(clock);
  const call = () => testCall();
  const source = gatherOf([
    { name: "quick", source: guard(drip(quick), accept, timeout, buffer), call, optional: false },
    { name: "slow", source: guard(drip(slow), accept, timeout, buffer), call, optional: true },
  ], { clock });
  const pending = source(testCall(), testContext());
  await settled();
  quick.deliver("1");
  await settled();
  quick.end();
  slow.deliver("[");
  await clock.advance(100);
  const text = new TextDecoder().decode(await (await pending).body.bytes(1000));
  const { data, problems } = JSON.parse(text);
  assertEquals(data, { quick: 1, slow: null });
  assertEquals(problems[0].status, 504);
  assertEquals(clock.sleeping, 0);
});

property(
  "accept -> timeout -> buffer ends within its timeout, and leaves nothing",
  200,
  async (random) => {
    const clock = new ManualClock();
    const origin = new ScriptedStream();
    const { accept, timeout, buffer } = policies(clock, 100, 6);
    const source = guard(drip(origin), accept, timeout, buffer);
    let end: { readonly kind: string; readonly at: number } | undefined;
    source(testCall(), testContext()).then(
      () => end = { kind: "answered", at: clock.monotonic() },
      (error: unknown) => {
        end = { kind: error instanceof GatewayError ? error.kind : "?", at: clock.monotonic() };
      },
    );
    const pauses = random.list(1, 8, () => random.int(0, 40));
    const endsAt = pauses.reduce((sum, ms) => sum + ms, 0);
    for (const [index, ms] of pauses.entries()) {
      await clock.advance(ms);
      if (!origin.isWanted || end) break;
      if (index === pauses.length - 1) origin.end();
      else origin.deliver("1");
      await settled();
    }
    await clock.advance(200);
    const size = pauses.length - 1;
    const tooLargeAt = pauses.slice(0, 7).reduce((sum, ms) => sum + ms, 0);
    const expected = size > 6 && tooLargeAt < 100
      ? { kind: "upstream-invalid", at: tooLargeAt }
      : endsAt < 100
      ? { kind: "answered", at: endsAt }
      : { kind: "upstream-timeout", at: 100 };
    assertEquals(end, expected);
    assertEquals(clock.sleeping, 0);
  },
);
