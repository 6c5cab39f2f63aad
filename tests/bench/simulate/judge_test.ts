import { assertEquals } from "@std/assert";
import { judge } from "../../../bench/simulate/judge.ts";
import { DEFAULT_SCENARIO } from "../../../bench/simulate/scenario.ts";
import type { DecidedRequest, Run } from "../../../bench/simulate/simulate.ts";
import { type BucketShape, bucketShape } from "../../../lib/limiter/bucket.ts";
import type { Limit } from "../../../lib/limiter/limit.ts";
import { property, type Random } from "../../support/random.ts";

property("the excess is that of the worst of all windows", 300, (random) => {
  const run = anyRun(random);
  const skewMs = random.pick([0, 0, 7]);
  const { excess } = judge({ ...DEFAULT_SCENARIO, skewMs }, run);
  assertEquals(excess, worstWindow(run, skewMs));
});

Deno.test("judge: a denial is needless from the moment a token is there", () => {
  const shape = bucketShape(1, 1_000, 1);
  const limit = limitOf(shape);
  const denied = (
    decidedAt: number,
    outcome: DecidedRequest["outcome"] = "denied",
  ): DecidedRequest => (
    { at: 0, client: 1, process: 0, outcome, decidedAt, settledAt: 2_000, isAtHand: false }
  );
  const judged = (...requests: DecidedRequest[]) =>
    judge(DEFAULT_SCENARIO, { limit, requests, commits: 0, conflicts: 0, reads: 0 });
  assertEquals(judged(denied(0)).needless, 1);
  const { needless, early, ideal, admitted, p50, p99, busyP99, atHand } = judged(
    denied(999),
    denied(1_000),
    denied(0, "admitted"),
    denied(1_001, "unavailable"),
  );
  assertEquals({ early, ideal, admitted }, { early: 2, ideal: 1, admitted: 1 });
  assertEquals(needless, 1, "there was but one token for both");
  assertEquals([p50, p99, busyP99, atHand], [2_000, 2_000, 2_000, 0]);
  const late = judged(denied(500), denied(700, "admitted"));
  assertEquals([late.early, late.needless], [1, 0], "its token went to a later one");
});

property("needless is what an ideal bucket could have let out besides", 300, (random) => {
  const { requests } = anyRun(random, 12);
  const limit = limitOf(bucketShape(1_000, 1_000, random.int(1, 5)));
  const run: Run = { limit, requests, commits: 0, conflicts: 0, reads: 0 };
  if (judge(DEFAULT_SCENARIO, run).excess > 0) return;
  assertEquals(judge(DEFAULT_SCENARIO, run).needless, mostBesides(run));
});

/** Every choice of refused requests, one by one. */
function mostBesides({ requests, limit: { shape } }: Run): number {
  const refused = requests.filter(({ outcome }) => outcome !== "admitted");
  let most = 0;
  for (let choice = 0; choice < 2 ** refused.length; choice++) {
    const chosen = refused.filter((_, index) => choice >> index & 1);
    const asIf = requests.map((answer): DecidedRequest =>
      chosen.includes(answer) ? { ...answer, outcome: "admitted" } : answer
    );
    const run = { limit: limitOf(shape), requests: asIf, commits: 0, conflicts: 0, reads: 0 };
    if (judge(DEFAULT_SCENARIO, run).excess === 0) most = Math.max(most, chosen.length);
  }
  return most;
}

/** Every window that begins and ends with an admission, one by one. */
function worstWindow({ requests, limit: { shape } }: Run, skewMs: number): number {
  let worst = 0;
  const admitted = requests.filter(({ outcome }) => outcome === "admitted");
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

function limitOf(shape: BucketShape): Limit {
  return { name: "it", shape, waitMs: 0, queue: 0, onStoreFailure: "closed" };
}

function anyRun(random: Random, most = 30): Run {
  const shape = bucketShape(random.int(1, 900), 1_000, random.int(1, 5));
  let at = 0;
  const requests = random.list(1, most, (): DecidedRequest => {
    at += random.bool(0.3) ? 0 : random.int(0, 20);
    const decidedAt = at + random.int(0, 10);
    const outcome = random.bool(0.7) ? "admitted" : "denied";
    const client = random.int(1, 2);
    return { at, client, process: 0, outcome, decidedAt, settledAt: decidedAt, isAtHand: true };
  });
  return { limit: limitOf(shape), requests, commits: 0, conflicts: 0, reads: 0 };
}
