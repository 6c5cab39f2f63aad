import { assertEquals } from "@std/assert";
import { answerOf } from "./behaviour.ts";

const half = () => 0.5;

Deno.test("a steady upstream takes a time between its bounds", () => {
  const behaviour = { kind: "steady", ms: [30, 50] } as const;
  assertEquals(answerOf(behaviour, 1, 0, half), { status: 200, ms: 40 });
  assertEquals(answerOf(behaviour, 900, 0, half), { status: 200, ms: 40 });
});

Deno.test("of an upstream with a tail, the share of calls takes longer", () => {
  const behaviour = { kind: "tail", ms: [20, 20], share: 0.02, times: 20 } as const;
  assertEquals(answerOf(behaviour, 1, 0, () => 0.019), { status: 200, ms: 400 });
  assertEquals(answerOf(behaviour, 1, 0, () => 0.02), { status: 200, ms: 20 });
});

Deno.test("a flapping upstream works first, then fails, then works", () => {
  const behaviour = { kind: "flapping", ms: [1, 1], everyMs: 1000 } as const;
  const statuses = [0, 999, 1000, 1999, 2000].map((since) =>
    answerOf(behaviour, 1, since, half)?.status
  );
  assertEquals(statuses, [200, 200, 500, 500, 200]);
});

Deno.test("beyond its knee, an overloaded upstream does less the more it is asked", () => {
  const behaviour = { kind: "overloaded", ms: 40, knee: 8 } as const;
  const ms = [1, 8, 32, 72].map((inFlight) => answerOf(behaviour, inFlight, 0, half)?.ms);
  assertEquals(ms, [40, 40, 320, 1080]);
});

Deno.test("some upstreams do not respond", () => {
  for (const kind of ["hanging", "half-open", "resetting", "down"] as const) {
    assertEquals(answerOf({ kind }, 1, 0, half), undefined);
  }
});
