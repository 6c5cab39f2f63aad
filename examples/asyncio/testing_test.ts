import { assertEquals, assertRejects } from "@std/assert";
import { assertSpyCalls, spy } from "@std/testing/mock";
import { type Call, type Context, GatewayError, json, type Reply } from "sluice";

/** A source to test, with a dependency that the tests replace. */
function greeter(nameOf: (id: string) => Promise<string | undefined>) {
  return async ({ path }: Call, { signal }: Pick<Context, "signal">): Promise<Reply> => {
    const name = await nameOf(path.slice(1));
    signal.throwIfAborted();
    if (name === undefined) throw new GatewayError("upstream-error", "no such id");
    return json(`Hello, ${name}`);
  };
}

const CALL: Call = { method: "GET", path: "/7", headers: new Headers() };

/** `@pytest.mark.asyncio`, and `AsyncMock(return_value="Ada")`: every test may be async. */
Deno.test("a source greets by name", async () => {
  const nameOf = spy((id: string) => Promise.resolve(id === "7" ? "Ada" : undefined));
  const reply = await greeter(nameOf)(CALL, { signal: new AbortController().signal });
  assertEquals(await reply.body.json(1_000), "Hello, Ada");
  assertSpyCalls(nameOf, 1);
  assertEquals(nameOf.calls[0]?.args, ["7"]);
});

/** `AsyncMock(side_effect=…)`, and `pytest.raises`. */
Deno.test("a source that finds no name fails with upstream-error", async () => {
  const greet = greeter(spy(() => Promise.resolve(undefined)));
  const error = await assertRejects(
    () => greet(CALL, { signal: new AbortController().signal }),
    GatewayError,
  );
  assertEquals(error.kind, "upstream-error");
});

/** `task.cancel()`, without a sleep: the test decides the order of the result and the cancellation. */
Deno.test("a source rejects when its client has left", async () => {
  const name = Promise.withResolvers<string>();
  const client = new AbortController();
  const greeting = greeter(() => name.promise)(CALL, { signal: client.signal });
  client.abort(new Error("gone"));
  name.resolve("Ada");
  await assertRejects(() => greeting, Error, "gone");
});
