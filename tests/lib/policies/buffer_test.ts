import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Body, BodyTooLarge } from "../../../lib/core/body.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { buffer } from "../../../lib/policies/buffer.ts";
import type { Reply } from "../../../lib/core/source.ts";
import { testCall, testContext } from "../../support/context.ts";
import { settled } from "../../support/manual_clock.ts";
import { ScriptedStream } from "../../support/scripted_stream.ts";

/** A buffered source whose body the test plays. */
function play(maxBytes: number, keep?: number) {
  const origin = new ScriptedStream();
  const reply: Reply = {
    status: 200,
    headers: new Headers(),
    body: Body.from({ stream: origin.stream }, keep),
  };
  return { origin, reply, source: buffer({ maxBytes })(() => Promise.resolve(reply)) };
}

Deno.test("a reply comes when its body is whole, and not before", async () => {
  const { origin, reply, source } = play(4);
  let isOver = false;
  const pending = source(testCall(), testContext()).finally(() => isOver = true);
  for (const piece of ["ab", "cd"]) {
    await settled();
    origin.deliver(piece);
  }
  await settled();
  assert(!isOver);
  origin.end();
  assertStrictEquals(await pending, reply);
  assertEquals(reply.body.length, 4);
  assertEquals(new TextDecoder().decode(await reply.body.bytes(4)), "abcd");
});

Deno.test("a body that is too large is refused, and read no further", async () => {
  const { origin, source } = play(3);
  const pending = source(testCall(), testContext());
  await settled();
  origin.deliver("abcd");
  const error = await assertRejects(() => pending, GatewayError);
  assertEquals([error.kind, error.message], [
    "upstream-invalid",
    "the upstream's response is larger than 3 bytes",
  ]);
  assert(error.cause instanceof BodyTooLarge);
  assert(origin.isCancelled);
});

Deno.test("a body that breaks off is the upstream's failure", async () => {
  const { origin, source } = play(10);
  const pending = source(testCall(), testContext());
  await settled();
  const cause = new TypeError("error decoding response body");
  origin.fail(cause);
  const error = await assertRejects(() => pending, GatewayError);
  assertEquals([error.kind, error.message], [
    "upstream-invalid",
    "the upstream's response broke off, or could not be decoded",
  ]);
  assertStrictEquals(error.cause, cause);
});

Deno.test("a body that breaks off because the request ended fails for that reason", async () => {
  const { origin, source } = play(10);
  const request = new AbortController();
  const pending = source(testCall(), testContext({ signal: request.signal }));
  await settled();
  const late = new GatewayError("deadline-exceeded", "late");
  request.abort(late);
  origin.fail(late);
  assertStrictEquals(await assertRejects(() => pending), late);
});

Deno.test("what the source itself throws is passed on", async () => {
  const error = new GatewayError("upstream-unreachable", "no");
  const source = buffer({ maxBytes: 1 })(() => Promise.reject(error));
  assertStrictEquals(await assertRejects(() => source(testCall(), testContext())), error);
});

Deno.test("a response above a body's own limit arrives whole when maxBytes allows it", async () => {
  const { origin, reply, source } = play(100, 4);
  const pending = source(testCall(), testContext());
  for (const piece of ["[1,2", ",3]"]) {
    await settled();
    origin.deliver(piece);
  }
  await settled();
  origin.end();
  await pending;
  assertEquals(await reply.body.json(100), [1, 2, 3]);
});

Deno.test("a body that does not come is waited for no longer than the request lasts", async () => {
  const { origin, source } = play(10);
  const request = new AbortController();
  const pending = source(testCall(), testContext({ signal: request.signal }));
  await settled();
  const late = new GatewayError("deadline-exceeded", "late");
  request.abort(late);
  assertStrictEquals(await assertRejects(() => pending), late);
  assert(origin.isCancelled);
});
