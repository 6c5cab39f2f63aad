import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { GatewayError, type Kind } from "../../../lib/core/errors.ts";
import { json } from "../../../lib/json/json_reply.ts";
import type { Outcome } from "../../../lib/gather/settle.ts";
import { Completion, type Rule } from "../../../lib/gather/completion.ts";

const requires = (...parts: readonly string[]): Rule => ({
  of: "required",
  isRequired: (part) => parts.includes(part),
});
const any = (quorum: number, count: number): Rule => ({ of: "any", quorum, count });

const succeeded = (part: string): Outcome => ({ part, durationMs: 1, reply: json(1) });

function failed(part: string, kind: Kind = "upstream-error"): Outcome {
  return { part, durationMs: 1, error: new GatewayError(kind, "it failed") };
}

const partsOf = ({ failures }: Completion) => failures.map(({ part }) => part);

Deno.test("what is required alone decides, and only by failing", () => {
  const completion = new Completion(requires("a", "b"));
  assertEquals(completion.add(succeeded("a")), false);
  assertEquals(completion.add(failed("x")), false);
  assertEquals(completion.error, undefined);
  assertEquals([completion.isComplete, partsOf(completion)], [false, ["x"]]);
  assertEquals(completion.add(failed("b", "upstream-timeout")), true);
  assertEquals(completion.error?.kind, "upstream-timeout");
  assertEquals(completion.error?.message, "the part b is required: it failed");
  assertEquals(partsOf(completion), ["x", "b"]);
});

Deno.test("what did not fail is complete", () => {
  const completion = new Completion(requires("a"));
  assert(completion.isComplete);
  completion.add(succeeded("a"));
  completion.add(succeeded("x"));
  assert(completion.isComplete);
});

Deno.test("it decides once, and what decided stays", () => {
  const completion = new Completion(requires("a", "b"));
  assertEquals(completion.add(failed("a", "overloaded")), true);
  assertEquals(completion.add(failed("b", "upstream-timeout")), false);
  assertEquals(completion.error?.kind, "overloaded");
  assertEquals(partsOf(completion), ["a", "b"]);
  assertEquals(completion.error?.failures, completion.failures);
});

Deno.test("the whole fails with the status, the headers and the cause of what decided", () => {
  const error = new GatewayError("overloaded", "full", {
    status: 599,
    headers: { "retry-after": "7" },
  });
  const completion = new Completion(requires("a"));
  completion.add({ part: "a", durationMs: 0, error });
  assertEquals(completion.error?.status, 599);
  assertEquals(completion.error?.headers, { "retry-after": "7" });
  assertStrictEquals(completion.error?.cause, error);
});

/** A failure whose `Retry-After` says so many seconds. */
function failedFor(part: string, seconds: number, status?: number): Outcome {
  const error = new GatewayError("upstream-error", "it failed", {
    headers: { "retry-after": String(seconds) },
    ...(status && { status }),
  });
  return { part, durationMs: 1, error };
}

Deno.test("the whole has the longest Retry-After of the parts that decided", () => {
  const required = new Completion(requires("a", "b"));
  for (const [part, seconds] of [["x", 90], ["a", 5], ["b", 30]] as const) {
    required.add(failedFor(part, seconds));
  }
  assertEquals(required.error?.headers, { "retry-after": "5" });
  const quorum = new Completion(any(2, 4));
  for (const [part, seconds] of [["a", 40], ["b", 3], ["c", 7], ["d", 90]] as const) {
    quorum.add(failedFor(part, seconds));
  }
  assertEquals(quorum.error?.headers, { "retry-after": "40" });
});

Deno.test("an error that no wait would help has no Retry-After of another part", () => {
  const completion = new Completion(any(1, 2));
  completion.add(failedFor("b", 5));
  const refused = new GatewayError("upstream-refused", "not found", { status: 404 });
  completion.add({ part: "a", durationMs: 1, error: refused });
  assertEquals(completion.error?.headers, {});
});

Deno.test("what is the client's own doing decides, also of what is optional", () => {
  for (const rule of [requires(), any(1, 3)]) {
    const completion = new Completion(rule);
    assertEquals(completion.add(failed("a", "bad-request")), true);
    assertEquals(completion.error?.kind, "bad-request");
    assertEquals(completion.error?.message, "the part a: it failed");
  }
});

Deno.test("a client that left is no part's failure", () => {
  const completion = new Completion(requires());
  assertEquals(completion.add(failed("a", "cancelled")), true);
  assertEquals([completion.error?.kind, partsOf(completion)], ["cancelled", []]);
  assert(!completion.isComplete);
});

Deno.test("a quorum decides as soon as it is reached", () => {
  const completion = new Completion(any(2, 4));
  assertEquals(completion.add(succeeded("a")), false);
  assertEquals(completion.add(failed("b")), false);
  assertEquals(completion.add(succeeded("c")), true);
  assertEquals(completion.add(failed("d", "cancelled")), false);
  assertEquals([completion.isComplete, completion.error, partsOf(completion)], [true, undefined, [
    "b",
  ]]);
});

Deno.test("what fails after enough are there changes nothing", () => {
  const completion = new Completion(any(1, 3));
  assertEquals(completion.add(succeeded("a")), true);
  for (const part of ["b", "c"]) assertEquals(completion.add(failed(part)), false);
  assertEquals([completion.isComplete, completion.error], [true, undefined]);
  assertEquals(partsOf(completion), ["b", "c"]);
});

Deno.test("a reply after the decision changes nothing", () => {
  const completion = new Completion(any(1, 3));
  assertEquals(completion.add(succeeded("a")), true);
  assertEquals(completion.add(succeeded("b")), false);
});

for (
  const { quorum, count, fatal, detail } of [
    { quorum: 1, count: 1, fatal: 1, detail: "no part succeeded; the last to fail was p1" },
    { quorum: 1, count: 3, fatal: 3, detail: "no part succeeded; the last to fail was p3" },
    {
      quorum: 2,
      count: 3,
      fatal: 2,
      detail: "fewer than 2 parts succeeded; the last to fail was p2",
    },
    {
      quorum: 3,
      count: 3,
      fatal: 1,
      detail: "fewer than 3 parts succeeded; the last to fail was p1",
    },
    {
      quorum: 3,
      count: 12,
      fatal: 10,
      detail: "fewer than 3 parts succeeded; the last to fail was p10",
    },
  ]
) {
  Deno.test(`${quorum} of ${count} are lost with the failure number ${fatal}`, () => {
    const completion = new Completion(any(quorum, count));
    for (let failure = 1; failure < fatal; failure++) {
      assertEquals(completion.add(failed(`p${failure}`)), false);
    }
    assertEquals(completion.error, undefined);
    assertEquals(completion.add(failed(`p${fatal}`, "overloaded")), true);
    assertEquals(completion.error?.kind, "overloaded");
    assertEquals(completion.error?.message, `${detail}: it failed`);
    assertEquals(completion.error?.failures.length, fatal);
    assert(!completion.isComplete);
  });
}

Deno.test("the failures within a part replace its own", () => {
  const inner = failed("inner").error;
  assert(inner);
  const failures = [{ part: "a", index: 2, error: inner }, { part: "a", index: 5, error: inner }];
  const failing = new Completion(requires("a"));
  const error = new GatewayError("upstream-error", "item 2: it failed", { failures });
  failing.add({ part: "a", durationMs: 1, error });
  assertEquals(failing.failures, failures);
  assertEquals(failing.error?.failures, failures);

  const lacking = new Completion(requires("a"));
  assertEquals(lacking.add({ part: "a", durationMs: 1, reply: { ...json([]), failures } }), false);
  assertEquals([lacking.failures, lacking.isComplete, lacking.error], [failures, false, undefined]);
});
