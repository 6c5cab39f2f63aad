import { assertEquals, assertRejects } from "@std/assert";
import { assertSpyCalls, spy } from "@std/testing/mock";
import { type Call, type Context, GatewayError, json, type Reply } from "sluice";

/** A source that is to be tested, over a function that is to be replaced in the test. */
function greeter(nameOf: (id: string) => Promise<string | undefined>) {
  return async ({ path }: Call, { signal }: Pick<Context, "signal">): Promise<Reply> => {
    const name = await nameOf(path.slice(1));
    signal.throwIfAborted();
    if (name === undefined) throw new GatewayError("upstream-error", "nobody has that id");
    return json(`Hello, ${name}`);
  };
}

const CALL: Call = { method: "GET", path: "/7", headers: new Headers() };

/** `@pytest.mark.asyncio`, and `AsyncMock(return_value="Ada")`: a test is async as it is. */
Deno.test("a source greets by name", async () => {
  const nameOf = spy((id: string) => Promise.resolve(id === "7" ? "Ada" : undefined));
  const reply = await greeter(nameOf)(CALL, { signal: new AbortController().signal });
  assertEquals(await reply.body.json(1_000), "Hello, Ada");
  assertSpyCalls(nameOf, 1);
  assertEquals(nameOf.calls[0]?.args, ["7"]);
});

/** `AsyncMock(side_effect=…)`, and `pytest.raises`. */
Deno.test("a source that finds nobody fails with its kind", async () => {
  const greet = greeter(spy(() => Promise.resolve(undefined)));
  const error = await assertRejects(
    () => greet(CALL, { signal: new AbortController().signal }),
    GatewayError,
  );
  assertEquals(error.kind, "upstream-error");
});

/** `task.cancel()`, without a sleep: the test decides when the answer comes, and when the end. */
Deno.test("a source whose client left answers nobody", async () => {
  const name = Promise.withResolvers<string>();
  const client = new AbortController();
  const greeting = greeter(() => name.promise)(CALL, { signal: client.signal });
  client.abort(new Error("gone"));
  name.resolve("Ada");
  await assertRejects(() => greeting, Error, "gone");
});
