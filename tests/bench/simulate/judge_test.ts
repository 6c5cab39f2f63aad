import { assertEquals } from "@std/assert";
import { judge } from "../../../bench/simulate/judge.ts";
import { DEFAULT_SCENARIO } from "../../../bench/simulate/scenario.ts";
import type { Answered, Run } from "../../../bench/simulate/simulate.ts";
import { bucketShape } from "../../../lib/limiter/bucket.ts";
import { property, type Random } from "../../support/random.ts";

property("the excess is that of the worst of all windows", 300, (random) => {
  const run = anyRun(random);
  const skewMs = random.pick([0, 0, 7]);
  const { excess } = judge({ ...DEFAULT_SCENARIO, skewMs }, run);
  assertEquals(excess, worstWindow(run, skewMs));
});

Deno.test("judge: a denial is needless from the moment a token is there", () => {
  const shape = bucketShape(1, 1_000, 1);
  const limit = { name: "it", shape, waitMs: 0, queue: 0, onStoreFailure: "closed" } as const;
  const denied = (decidedAt: number, outcome: Answered["outcome"] = "denied"): Answered => (
    { at: 0, client: 1, process: 0, outcome, decidedAt, settledAt: 2_000 }
  );
  const judged = (...answers: Answered[]) =>
    judge(DEFAULT_SCENARIO, { limit, answers, commits: 0, conflicts: 0, reads: 0 });
  assertEquals(judged(denied(0)).needless, 1);
  const { needless, ideal, admitted, p50, p99 } = judged(
    denied(999),
    denied(1_000),
    denied(0, "admitted"),
    denied(1_001, "unavailable"),
  );
  assertEquals({ needless, ideal, admitted }, { needless: 2, ideal: 1, admitted: 1 });
  assertEquals([p50, p99], [2_000, 2_000]);
});

/** Every window that begins and ends with an admission, one by one. */
function worstWindow({ answers, limit: { shape } }: Run, skewMs: number): number {
  let worst = 0;
  const admitted = answers.filter(({ outcome }) => outcome === "admitted");
  for (const { client, decidedAt: from } of admitted) {
    for (const { client: other, decidedAt: to } of admitted) {
      if (other !== client || to < from) continue;
      const inside = admitted.filter((answer) =>
        answer.client === client && answer.decidedAt >= from && answer.decidedAt <= to
      );
      const allowed = shape.capacity + shape.perMs * (to - from + skewMs);
      worst = Math.max(worst, inside.length * shape.perToken - allowed);
    }
  }
  return worst / shape.perToken;
}

function anyRun(random: Random): Run {
  const shape = bucketShape(random.int(1, 900), 1_000, random.int(1, 5));
  let at = 0;
  const answers = random.list(1, 30, (): Answered => {
    at += random.bool(0.3) ? 0 : random.int(0, 20);
    const decidedAt = at + random.int(0, 10);
    const outcome = random.bool(0.7) ? "admitted" : "denied";
    return { at, client: random.int(1, 2), process: 0, outcome, decidedAt, settledAt: decidedAt };
  });
  const limit = { name: "it", shape, waitMs: 0, queue: 0, onStoreFailure: "closed" } as const;
  return { limit, answers, commits: 0, conflicts: 0, reads: 0 };
}
