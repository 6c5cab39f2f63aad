import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { assertSpyCalls, spy } from "@std/testing/mock";
import { GatewayError } from "../../../lib/core/errors.ts";
import { json } from "../../../lib/json/json_reply.ts";
import type { Reply, Source } from "../../../lib/core/source.ts";
import { functionSource } from "../../../lib/transport/function.ts";
import { testCall, testContext } from "../../support/context.ts";
import { settled } from "../../support/manual_clock.ts";

Deno.test("a function is called with the call and the context, and its reply is returned", async () => {
  const reply = json(1);
  const ask = spy((..._asked: Parameters<Source>) => Promise.resolve(reply));
  const [call, ctx] = [testCall(), testContext()];
  assertStrictEquals(await functionSource(ask)(call, ctx), reply);
  assertStrictEquals(ask.calls[0]?.args[0], call);
  assertStrictEquals(ask.calls[0]?.args[1], ctx);
});

Deno.test("what a function throws is an internal failure, at once or later", async () => {
  const thrown = new TypeError("oops");
  const functions: Source[] = [
    () => Promise.reject(thrown),
    () => {
      throw thrown;
    },
  ];
  for (const ask of functions) {
    const error = await assertRejects(
      () => functionSource(ask)(testCall(), testContext()),
      GatewayError,
    );
    assertEquals(error.kind, "internal");
    assertStrictEquals(error.cause, thrown);
  }
});

Deno.test("a GatewayError that a function throws says what failed", async () => {
  const error = new GatewayError("upstream-refused", "no such row", { status: 404 });
  const source = functionSource(() => Promise.reject(error));
  assertStrictEquals(await assertRejects(() => source(testCall(), testContext())), error);
});

Deno.test("a function is not called when the request has ended", async () => {
  const ask = spy((..._asked: Parameters<Source>) => Promise.resolve(json(1)));
  const late = new GatewayError("deadline-exceeded", "late");
  const ctx = testContext({ signal: AbortSignal.abort(late) });
  assertStrictEquals(await assertRejects(() => functionSource(ask)(testCall(), ctx)), late);
  assertSpyCalls(ask, 0);
});

Deno.test("a function that does not listen is no longer waited for, whatever it does then", async () => {
  for (const isLate of [true, false]) {
    const request = new AbortController();
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const source = functionSource(() => promise);
    const asked = source(testCall(), testContext({ signal: request.signal }));
    await settled();
    const left = new GatewayError("cancelled", "the client went away");
    request.abort(left);
    assertStrictEquals(await assertRejects(() => asked), left);
    if (isLate) reject(new Error("too late"));
    else resolve(json(1));
    await settled();
  }
});

Deno.test("a function that fails because its signal aborted fails for the signal's reason", async () => {
  const request = new AbortController();
  const source = functionSource((_call, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
    })
  );
  const asked = source(testCall(), testContext({ signal: request.signal }));
  await settled();
  const late = new GatewayError("deadline-exceeded", "late");
  request.abort(late);
  const error = await assertRejects(() => asked);
  assert(error === late);
});

Deno.test("a function that fails just before its signal aborts fails for the signal's reason", async () => {
  const request = new AbortController();
  const { promise, reject } = Promise.withResolvers<Reply>();
  const asked = functionSource(() => promise)(testCall(), testContext({ signal: request.signal }));
  const late = new GatewayError("deadline-exceeded", "late");
  reject(new Error("its own clean-up"));
  request.abort(late);
  assertStrictEquals(await assertRejects(() => asked), late);
});
