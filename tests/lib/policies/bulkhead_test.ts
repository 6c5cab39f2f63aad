import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import type { Bytes } from "../../../lib/core/bytes.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { bulkhead, type BulkheadOptions } from "../../../lib/policies/bulkhead.ts";
import { buffer } from "../../../lib/policies/buffer.ts";
import { timeout } from "../../../lib/policies/timeout.ts";
import { json } from "../../../lib/json/json_reply.ts";
import { Semaphore } from "../../../lib/async/semaphore.ts";
import { type Context, guard, type Source } from "../../../lib/core/source.ts";
import { testCall, testContext } from "../../support/context.ts";
import { countListeners } from "../../support/count_listeners.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";
import { ScriptedStream } from "../../support/scripted_stream.ts";

const TEXT = new TextDecoder();

function play({ max = 1, queue = 1, until }: {
  max?: number;
  queue?: number;
  until?: NonNullable<BulkheadOptions["until"]>;
} = {}) {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const semaphore = new Semaphore({ max, queue });
  const policy = bulkhead({ semaphore, clock, ...(until && { until }) });
  const guarded = policy(script.source);
  const ask = (ctx: Partial<Context> = {}) => guarded(testCall(), testContext(ctx));
  return { clock, script, semaphore, policy, ask };
}

/** One call whose reply has come, and whose body has not, beside another that goes on. */
async function playBody(from: { length?: number } = {}) {
  const request = new AbortController();
  const listeners = countListeners(request.signal);
  const { semaphore, policy } = play({ max: 2, until: "body" });
  semaphore.acquire(request.signal);
  const origin = new ScriptedStream();
  const headers = new Headers({ etag: "1" });
  const body = Body.from({ stream: origin.stream, ...from });
  const source = policy(() => Promise.resolve({ status: 201, headers, body }));
  const reply = await source(testCall(), testContext({ signal: request.signal }));
  return { request, listeners, semaphore, origin, headers, reply };
}

function streamOf(body: Body): ReadableStream<Bytes> {
  const stream = body.handOn();
  assert(stream instanceof ReadableStream);
  return stream;
}

Deno.test("a call that finds a free slot passes unchanged", async () => {
  const { script, semaphore, ask } = play();
  const ctx = testContext();
  const pending = ask(ctx);
  assertStrictEquals(script.at(0).ctx.signal, ctx.signal);
  assertEquals(semaphore.running, 1);
  const reply = json(1);
  script.at(0).answer(reply);
  assertStrictEquals(await pending, reply);
  assertEquals(semaphore.running, 0);
});

Deno.test("past the slots calls wait, and start in the order in which they came", async () => {
  const { script, semaphore, ask } = play({ max: 2, queue: 3 });
  const all = [1, 2, 3, 4, 5].map((deadline) => ask({ deadline }));
  assertEquals([script.inFlight, semaphore.waiting], [2, 3]);
  for (let index = 0; index < 5; index++) {
    assertEquals(script.asked.length, Math.min(5, index + 2));
    script.at(index).answerJson(index);
    await all[index];
    await settled();
  }
  assertEquals(script.asked.map(({ ctx }) => ctx.deadline), [1, 2, 3, 4, 5]);
  assertEquals([semaphore.running, semaphore.waiting], [0, 0]);
});

Deno.test("when the queue is full too, a call fails at once with Retry-After", async () => {
  const { script, semaphore, ask } = play();
  const [first, second] = [ask(), ask()];
  const error = await assertRejects(() => ask(), GatewayError);
  assertEquals([error.kind, error.status], ["overloaded", 503]);
  assertEquals(
    error.message,
    "the upstream's concurrency limit and its queue are full",
  );
  assertEquals(error.headers, { "retry-after": "1" });
  assertEquals([semaphore.running, semaphore.waiting], [1, 1]);
  script.at(0).answerJson(1);
  await first;
  script.at(1).answerJson(1);
  await second;
});

Deno.test("a call that failed gives its slot back", async () => {
  const { script, semaphore, ask } = play();
  const pending = ask();
  const error = new GatewayError("upstream-error", "no");
  script.at(0).fail(error);
  assertStrictEquals(await assertRejects(() => pending), error);
  assertEquals(semaphore.running, 0);
});

Deno.test("a source that throws gives its slot back", async () => {
  const { semaphore, policy } = play();
  const thrower: Source = () => {
    throw new GatewayError("internal", "no promise");
  };
  await assertRejects(() => policy(thrower)(testCall(), testContext()), GatewayError);
  assertEquals(semaphore.running, 0);
});

Deno.test("a cancelled call holds its slot until it has really ended", async () => {
  const { semaphore, policy } = play();
  const ending = Promise.withResolvers<never>();
  const request = new AbortController();
  const source = policy(() => ending.promise);
  const pending = assertRejects(() => source(testCall(), testContext({ signal: request.signal })));
  const next = policy(() => Promise.resolve(json(2)))(testCall(), testContext());
  const left = new GatewayError("cancelled", "the client went away");
  request.abort(left);
  await settled();
  assertEquals([semaphore.running, semaphore.waiting], [1, 1]);
  ending.reject(left);
  assertStrictEquals(await pending, left);
  await next;
  assertEquals([semaphore.running, semaphore.waiting], [0, 0]);
});

Deno.test("a waiting call leaves the queue when its request ends", async () => {
  const { script, semaphore, ask } = play();
  const first = ask();
  const request = new AbortController();
  const listeners = countListeners(request.signal);
  const waits = ask({ signal: request.signal });
  assertEquals(listeners.count, 1);
  const left = new GatewayError("deadline-exceeded", "late");
  request.abort(left);
  assertStrictEquals(await assertRejects(() => waits), left);
  assertEquals([semaphore.running, semaphore.waiting], [1, 0]);
  script.at(0).answerJson(1);
  await first;
  assertEquals([semaphore.running, script.asked.length], [0, 1]);
});

Deno.test("a call that comes too late does not start, and takes no place", async () => {
  const { clock, script, semaphore, ask } = play();
  await clock.advance(100);
  const late = await assertRejects(() => ask({ deadline: 100 }), GatewayError);
  assertEquals(late.kind, "deadline-exceeded");
  assertEquals(late.message, "the deadline passed before the upstream was called");
  const left = new GatewayError("cancelled", "the client went away");
  const signal = AbortSignal.abort(left);
  assertStrictEquals(await assertRejects(() => ask({ signal, deadline: 100 })), left);
  assertEquals([script.asked.length, semaphore.running], [0, 0]);
});

Deno.test("a call whose turn comes too late does not start, and lets the next one", async () => {
  const { clock, script, semaphore, ask } = play({ queue: 2 });
  const first = ask();
  const late = assertRejects(() => ask({ deadline: 50 }), GatewayError);
  const next = ask({ deadline: 51 });
  await clock.advance(50);
  script.at(0).answerJson(1);
  await first;
  assertEquals((await late).kind, "deadline-exceeded");
  await settled();
  assertEquals(script.at(1).ctx.deadline, 51);
  script.at(1).answerJson(2);
  await next;
  assertEquals([semaphore.running, semaphore.waiting], [0, 0]);
});

Deno.test("a call that is cancelled in the moment of its turn does not start", async () => {
  const { script, semaphore, ask } = play();
  const first = ask();
  const request = new AbortController();
  const left = new GatewayError("cancelled", "the client went away");
  const waits = assertRejects(() => ask({ signal: request.signal }));
  semaphore.release(); // the slot is the second's now, but it does not know yet
  request.abort(left);
  assertStrictEquals(await waits, left);
  assertEquals([script.asked.length, semaphore.running], [1, 0]);
  semaphore.acquire(new AbortController().signal); // what the first will give back
  script.at(0).answerJson(1);
  await first;
});

Deno.test("until reply: a body that is still to come holds no slot", async () => {
  const { script, semaphore, ask } = play();
  const pending = ask();
  const reply = { ...json(1), body: Body.from({ stream: new ScriptedStream().stream }) };
  script.at(0).answer(reply);
  assertStrictEquals(await pending, reply);
  assertEquals(semaphore.running, 0);
});

Deno.test("until body: the slot is held until the body has been read", async () => {
  const { semaphore, origin, reply, headers, listeners } = await playBody({ length: 2 });
  assertEquals([reply.status, reply.headers, reply.body.length], [201, headers, 2]);
  const reading = reply.body.bytes(9);
  await settled();
  origin.deliver("a");
  await settled();
  origin.deliver("b");
  await settled();
  assertEquals([semaphore.running, listeners.count], [2, 1]);
  origin.end();
  assertEquals(TEXT.decode(await reading), "ab");
  assertEquals([semaphore.running, listeners.count], [1, 0]);
});

Deno.test("until body: nothing is read before somebody reads", async () => {
  const { origin, reply } = await playBody();
  await settled();
  const reader = streamOf(reply.body).getReader();
  await settled();
  assertEquals(origin.pulls, 0);
  const read = reader.read();
  await settled();
  origin.deliver("a");
  assertEquals(TEXT.decode((await read).value), "a");
  await settled();
  assertEquals(origin.pulls, 1);
});

Deno.test("until body: a length that is not known stays so", async () => {
  const { reply } = await playBody();
  assertEquals(reply.body.length, undefined);
});

Deno.test("until body: a body that breaks off gives its slot back, and fails", async () => {
  const { semaphore, origin, reply, listeners } = await playBody();
  const reading = streamOf(reply.body).getReader().read();
  await settled();
  const broken = new Error("broken");
  origin.fail(broken);
  assertStrictEquals(await assertRejects(() => reading), broken);
  assertEquals([semaphore.running, listeners.count], [1, 0]);
});

Deno.test("until body: a body that is cancelled gives its slot back once, and cancels the origin", async () => {
  const { semaphore, origin, reply, request, listeners } = await playBody();
  await reply.body.cancel();
  assert(origin.isCancelled);
  assertEquals([semaphore.running, listeners.count], [1, 0]);
  request.abort();
  await settled();
  assertEquals(semaphore.running, 1);
});

Deno.test("until body: a body is cancelled while it is read, and gives its slot back once", async () => {
  const { semaphore, origin, reply } = await playBody();
  const reader = streamOf(reply.body).getReader();
  const reading = reader.read();
  await settled();
  await reader.cancel();
  assertEquals((await reading).done, true);
  await settled();
  assert(origin.isCancelled);
  assertEquals(semaphore.running, 1);
});

Deno.test("until body: the slot is held until what is cancelled has ended", async () => {
  for (const isRead of [false, true]) {
    const ending = Promise.withResolvers<void>();
    let why: unknown;
    const stream = new ReadableStream<Bytes>({
      pull: () => ending.promise,
      cancel(reason) {
        why = reason;
        return ending.promise;
      },
    }, { highWaterMark: 0 });
    const { script, semaphore, ask } = play({ until: "body" });
    const pending = ask();
    script.at(0).answer({ ...json(1), body: Body.from({ stream }) });
    const reader = streamOf((await pending).body).getReader();
    if (isRead) reader.read();
    await settled();
    const cancelled = reader.cancel("enough");
    await settled();
    assertEquals([semaphore.running, why], [1, "enough"]);
    ending.resolve();
    await cancelled;
    assertEquals(semaphore.running, 0);
  }
});

Deno.test("until body: the end of a request ends a body that is not read", async () => {
  const { semaphore, origin, reply, request } = await playBody();
  const left = new GatewayError("cancelled", "the client went away");
  request.abort(left);
  await settled();
  assert(origin.isCancelled);
  assertEquals(semaphore.running, 1);
  const reading = streamOf(reply.body).getReader().read();
  assertStrictEquals(await assertRejects(() => reading), left);
});

Deno.test("until body: a request that ends ends a body that is being read", async () => {
  const { semaphore, reply, request } = await playBody();
  const reading = assertRejects(() => reply.body.bytes(9));
  await settled();
  const left = new GatewayError("cancelled", "the client went away");
  request.abort(left);
  assertStrictEquals(await reading, left);
  await settled();
  assertEquals(semaphore.running, 1);
});

Deno.test("until body: a request that ends after its body broke off gives its slot back", async () => {
  const { semaphore, origin, request } = await playBody();
  origin.fail(new Error("broken"));
  request.abort(new GatewayError("cancelled", "the client went away"));
  await settled();
  assertEquals(semaphore.running, 1);
});

Deno.test("until body: a request that has ended when the reply comes holds no slot", async () => {
  const { semaphore, policy } = play({ until: "body" });
  const origin = new ScriptedStream();
  const request = new AbortController();
  const left = new GatewayError("cancelled", "the client went away");
  const source = policy(() => {
    request.abort(left);
    return Promise.resolve({ ...json(1), body: Body.from({ stream: origin.stream }) });
  });
  const { body } = await source(testCall(), testContext({ signal: request.signal }));
  await settled();
  assert(origin.isCancelled);
  assertEquals(semaphore.running, 0);
  assertStrictEquals(await assertRejects(() => body.bytes(9)), left);
});

Deno.test("until body: a body that is here, or empty, holds no slot", async () => {
  const origin = new ScriptedStream();
  const bodies = [
    Body.of(new Uint8Array()),
    Body.of(new Uint8Array(9)),
    Body.from({ stream: origin.stream, length: 0 }),
  ];
  for (const body of bodies) {
    const { script, semaphore, ask } = play({ until: "body" });
    const pending = ask();
    const reply = { ...json(1), body };
    script.at(0).answer(reply);
    assertStrictEquals(await pending, reply);
    assertEquals(semaphore.running, 0);
  }
});

Deno.test("until body: a body that cannot be passed on gives its slot back", async () => {
  const { script, semaphore, ask } = play({ until: "body" });
  const body = Body.from({ stream: new ScriptedStream().stream });
  body.handOn();
  const pending = ask();
  script.at(0).answer({ ...json(1), body });
  await assertRejects(() => pending, Error, "this body was handed on");
  assertEquals(semaphore.running, 0);
});

Deno.test("until body: a call that fails gives its slot back", async () => {
  const { script, semaphore, ask } = play({ until: "body" });
  const pending = ask();
  script.at(0).fail(new GatewayError("upstream-error", "no"));
  await assertRejects(() => pending, GatewayError);
  assertEquals(semaphore.running, 0);
});

Deno.test("bulkhead -> timeout: waiting in the queue is not part of the attempt", async () => {
  const { clock, script, policy } = play();
  const source = guard(script.source, policy, timeout({ timeoutMs: 100, clock }));
  const first = assertRejects(() => source(testCall(), testContext()), GatewayError);
  const second = source(testCall(), testContext());
  await clock.advance(99);
  assertEquals(script.asked.length, 1);
  await clock.advance(1);
  assertEquals((await first).kind, "upstream-timeout");
  await clock.advance(99);
  script.at(1).answerJson(2);
  await second;
  assertEquals(clock.sleeping, 0);
});

Deno.test("timeout -> bulkhead: waiting in the queue is part of the attempt", async () => {
  const { clock, script, semaphore, policy } = play();
  semaphore.acquire(new AbortController().signal);
  const source = guard(script.source, timeout({ timeoutMs: 100, clock }), policy);
  const pending = assertRejects(() => source(testCall(), testContext()), GatewayError);
  await clock.advance(100);
  assertEquals((await pending).kind, "upstream-timeout");
  assertEquals(script.asked.length, 0);
  assertEquals([semaphore.running, semaphore.waiting, clock.sleeping], [1, 0, 0]);
});

Deno.test("bulkhead -> timeout -> buffer: a body that is being buffered holds its slot", async () => {
  const { clock, semaphore, policy } = play();
  const origin = new ScriptedStream();
  const body = Body.from({ stream: origin.stream });
  const source = guard(
    () => Promise.resolve({ ...json(1), body }),
    policy,
    timeout({ timeoutMs: 100, clock }),
    buffer({ maxBytes: 9 }),
  );
  const pending = source(testCall(), testContext());
  await clock.advance(50);
  origin.deliver("1");
  await settled();
  assertEquals(semaphore.running, 1);
  origin.end();
  await pending;
  assertEquals([semaphore.running, clock.sleeping], [0, 0]);
});

Deno.test("bulkhead until body -> timeout: the slot outlives the timeout of the head", async () => {
  const { clock, semaphore, policy } = play({ until: "body" });
  const origin = new ScriptedStream();
  const body = Body.from({ stream: origin.stream });
  const source = guard(
    () => Promise.resolve({ ...json(1), body }),
    policy,
    timeout({ timeoutMs: 100, clock }),
  );
  const reply = await source(testCall(), testContext());
  await clock.advance(500);
  assertEquals([semaphore.running, clock.sleeping], [1, 0]);
  await reply.body.cancel();
  assertEquals(semaphore.running, 0);
});
