import { assertEquals, assertStrictEquals } from "@std/assert";
import { json } from "../../../lib/json/json_reply.ts";
import { guard, type Policy, type Source } from "../../../lib/core/source.ts";
import { testCall, testContext } from "../../support/context.ts";

Deno.test("guard composes policies, outermost first", async () => {
  const steps: string[] = [];
  const policy = (name: string): Policy => (next) => async (call, ctx) => {
    steps.push(`into ${name}`);
    const reply = await next(call, ctx);
    steps.push(`out of ${name}`);
    return reply;
  };
  const source: Source = () => {
    steps.push("asked");
    return Promise.resolve(json(1));
  };
  await guard(source, policy("a"), policy("b"))(testCall(), testContext());
  assertEquals(steps, ["into a", "into b", "asked", "out of b", "out of a"]);
});

Deno.test("guard without policies is the source itself", () => {
  const source: Source = () => Promise.resolve(json(1));
  assertStrictEquals(guard(source), source);
});

Deno.test("guard builds each policy once, not for every call", async () => {
  let built = 0;
  const source = guard(() => Promise.resolve(json(1)), (next) => {
    built++;
    return next;
  });
  await source(testCall(), testContext());
  await source(testCall(), testContext());
  assertEquals(built, 1);
});
