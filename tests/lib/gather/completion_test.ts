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

const answered = (part: string): Outcome => ({ part, durationMs: 1, reply: json(1) });

function failed(part: string, kind: Kind = "upstream-error"): Outcome {
  return { part, durationMs: 1, error: new GatewayError(kind, "it failed") };
}

const partsOf = ({ failures }: Completion) => failures.map(({ part }) => part);

Deno.test("what is required alone decides, and only by failing", () => {
  const verdict = new Completion(requires("a", "b"));
  assertEquals(verdict.add(answered("a")), false);
  assertEquals(verdict.add(failed("x")), false);
  assertEquals(verdict.error, undefined);
  assertEquals([verdict.isComplete, partsOf(verdict)], [false, ["x"]]);
  assertEquals(verdict.add(failed("b", "upstream-timeout")), true);
  assertEquals(verdict.error?.kind, "upstream-timeout");
  assertEquals(verdict.error?.message, "the part b is required: it failed");
  assertEquals(partsOf(verdict), ["x", "b"]);
});

Deno.test("what did not fail is complete", () => {
  const verdict = new Completion(requires("a"));
  assert(verdict.isComplete);
  verdict.add(answered("a"));
  verdict.add(answered("x"));
  assert(verdict.isComplete);
});

Deno.test("it decides once, and what decided stays", () => {
  const verdict = new Completion(requires("a", "b"));
  assertEquals(verdict.add(failed("a", "overloaded")), true);
  assertEquals(verdict.add(failed("b", "upstream-timeout")), false);
  assertEquals(verdict.error?.kind, "overloaded");
  assertEquals(partsOf(verdict), ["a", "b"]);
  assertEquals(verdict.error?.failures, verdict.failures);
});

Deno.test("the whole fails with the status, the headers and the cause of what decided", () => {
  const error = new GatewayError("overloaded", "full", {
    status: 599,
    headers: { "retry-after": "7" },
  });
  const verdict = new Completion(requires("a"));
  verdict.add({ part: "a", durationMs: 0, error });
  assertEquals(verdict.error?.status, 599);
  assertEquals(verdict.error?.headers, { "retry-after": "7" });
  assertStrictEquals(verdict.error?.cause, error);
});

Deno.test("what is the client's own doing decides, also of what is optional", () => {
  for (const rule of [requires(), any(1, 3)]) {
    const verdict = new Completion(rule);
    assertEquals(verdict.add(failed("a", "bad-request")), true);
    assertEquals(verdict.error?.kind, "bad-request");
    assertEquals(verdict.error?.message, "the part a: it failed");
  }
});

Deno.test("a client that left is no part's failure", () => {
  const verdict = new Completion(requires());
  assertEquals(verdict.add(failed("a", "cancelled")), true);
  assertEquals([verdict.error?.kind, partsOf(verdict)], ["cancelled", []]);
  assert(!verdict.isComplete);
});

Deno.test("so many of any decide as soon as they are there", () => {
  const verdict = new Completion(any(2, 4));
  assertEquals(verdict.add(answered("a")), false);
  assertEquals(verdict.add(failed("b")), false);
  assertEquals(verdict.add(answered("c")), true);
  assertEquals(verdict.add(failed("d", "cancelled")), false);
  assertEquals([verdict.isComplete, verdict.error, partsOf(verdict)], [true, undefined, ["b"]]);
});

Deno.test("what fails after enough are there changes nothing", () => {
  const verdict = new Completion(any(1, 3));
  assertEquals(verdict.add(answered("a")), true);
  for (const part of ["b", "c"]) assertEquals(verdict.add(failed(part)), false);
  assertEquals([verdict.isComplete, verdict.error], [true, undefined]);
  assertEquals(partsOf(verdict), ["b", "c"]);
});

Deno.test("a reply after the decision changes nothing", () => {
  const verdict = new Completion(any(1, 3));
  assertEquals(verdict.add(answered("a")), true);
  assertEquals(verdict.add(answered("b")), false);
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
    const verdict = new Completion(any(quorum, count));
    for (let failure = 1; failure < fatal; failure++) {
      assertEquals(verdict.add(failed(`p${failure}`)), false);
    }
    assertEquals(verdict.error, undefined);
    assertEquals(verdict.add(failed(`p${fatal}`, "overloaded")), true);
    assertEquals(verdict.error?.kind, "overloaded");
    assertEquals(verdict.error?.message, `${detail}: it failed`);
    assertEquals(verdict.error?.failures.length, fatal);
    assert(!verdict.isComplete);
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
