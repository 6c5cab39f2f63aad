import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { spy } from "@std/testing/mock";
import { Background, type BackgroundTask } from "../../../lib/core/background.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";

function open() {
  const clock = new ManualClock();
  const onError = spy((_error: unknown) => {});
  return { clock, onError, background: new Background({ clock, taskTimeoutMs: 100, onError }) };
}

/** Ends when its signal does, with the signal's reason. */
const untilAborted: BackgroundTask = (signal) =>
  new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
  });

async function isOver(promise: Promise<unknown>): Promise<boolean> {
  let over = false;
  promise.then(() => over = true);
  await settled();
  return over;
}

Deno.test("a task is held while it runs", async () => {
  const { background, clock } = open();
  const work = Promise.withResolvers<void>();
  background.run(() => work.promise);
  assertEquals(background.size, 1);
  work.resolve();
  await settled();
  assertEquals(background.size, 0);
  assertEquals(clock.sleeping, 0);
});

Deno.test("a task that fails is reported, and affects nothing else", async () => {
  const { background, onError } = open();
  const [first, second] = [new Error("later"), new Error("at once")];
  background.run(() => Promise.reject(first));
  background.run(() => {
    throw second;
  });
  await settled();
  assertEquals(new Set(onError.calls.map(({ args }) => args[0])), new Set([first, second]));
  assertEquals(background.size, 0);
});

Deno.test("a task that takes too long is aborted at its own deadline", async () => {
  const { background, clock, onError } = open();
  background.run(untilAborted);
  await clock.advance(99);
  assertEquals(background.size, 1);
  await clock.advance(1);
  assertEquals(background.size, 0);
  const error = onError.calls[0]?.args[0];
  assert(error instanceof GatewayError);
  assertEquals([error.kind, error.message], [
    "deadline-exceeded",
    "a background task took too long",
  ]);
});

Deno.test("each task has a deadline of its own", async () => {
  const { background, clock } = open();
  background.run(untilAborted);
  await clock.advance(60);
  background.run(untilAborted);
  await clock.advance(60);
  assertEquals(background.size, 1);
  await clock.advance(40);
  assertEquals(background.size, 0);
});

Deno.test("a drain of nothing is over at once", async () => {
  const { background } = open();
  assert(await isOver(background.drain(new AbortController().signal)));
});

Deno.test("a drain waits for what runs, and for what that starts", async () => {
  const { background } = open();
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  background.run(async () => {
    await first.promise;
    background.run(() => second.promise);
  });
  const drain = background.drain(new AbortController().signal);
  assertEquals(await isOver(drain), false);
  first.resolve();
  assertEquals(await isOver(drain), false);
  second.resolve();
  await drain;
  assertEquals(background.size, 0);
});

Deno.test("a drain whose time is up aborts what runs, for its own reason", async () => {
  const { background, onError } = open();
  const grace = new AbortController();
  background.run(untilAborted);
  const drain = background.drain(grace.signal);
  assertEquals(await isOver(drain), false);
  const reason = new Error("stopping");
  grace.abort(reason);
  await drain;
  assertStrictEquals(onError.calls[0]?.args[0], reason);
});

Deno.test("a drain without time aborts at once, and what is started then too", async () => {
  const { background, onError, clock } = open();
  background.run(untilAborted);
  const reason = new Error("stopping");
  await background.drain(AbortSignal.abort(reason));
  background.run(untilAborted);
  await settled();
  assertEquals(onError.calls.map(({ args }) => args[0]), [reason, reason]);
  assertEquals(clock.sleeping, 0);
});

Deno.test("a drain that is over listens to its signal no longer", async () => {
  const { background } = open();
  const grace = new AbortController();
  await background.drain(grace.signal);
  grace.abort(new Error("stopping"));
  let aborted: boolean | undefined;
  background.run((signal) => {
    aborted = signal.aborted;
    return Promise.resolve();
  });
  await settled();
  assertEquals(aborted, false);
});
