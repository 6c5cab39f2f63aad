import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { type Candidate, chooseTarget } from "../../../../lib/policies/target/choose_target.ts";
import { property, Random } from "../../../support/random.ts";

interface Figures {
  readonly weight?: number;
  readonly inFlight?: number;
  readonly latency?: number;
  readonly failureRate?: number;
}

function candidate(
  { weight = 1, inFlight = 0, latency = 10, failureRate = 0 }: Figures = {},
): Candidate {
  return {
    inFlight,
    weightAt: () => weight,
    latencyAt: () => latency,
    failureRateAt: () => failureRate,
  };
}

const DRAWS = 4_000;

/** The share of draws that each candidate gets. */
function shares(candidates: readonly Candidate[], seed = 1): number[] {
  const random = new Random(seed);
  const uniform = () => random.int(0, 999_999) / 1_000_000;
  const counts = candidates.map(() => 0);
  for (let n = 0; n < DRAWS; n++) {
    const chosen = chooseTarget(candidates, 0, uniform);
    const index = chosen ? candidates.indexOf(chosen) : -1;
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts.map((count) => count / DRAWS);
}

function assertNear(actual: readonly number[], expected: readonly number[]): void {
  for (const [index, share] of expected.entries()) {
    assert(Math.abs((actual[index] ?? 0) - share) < 0.03, `${actual} instead of ${expected}`);
  }
}

Deno.test("of none none is chosen, of one that one", () => {
  assertStrictEquals(chooseTarget([], 0, Math.random), undefined);
  const only = candidate({ failureRate: 1 });
  assertStrictEquals(chooseTarget([only], 0, Math.random), only);
});

Deno.test("equal targets get calls by their weights", () => {
  assertNear(shares([candidate(), candidate()]), [0.5, 0.5]);
  const weighted = [3, 2, 1].map((weight) => candidate({ weight }));
  assertNear(shares(weighted), [3 / 6, 2 / 6, 1 / 6]);
});

Deno.test("targets with calls in flight by their weights count as equal", () => {
  const targets = [candidate({ weight: 3, inFlight: 6 }), candidate({ weight: 1, inFlight: 2 })];
  assertNear(shares(targets), [0.75, 0.25]);
});

Deno.test("of two targets the clearly cheaper one gets every call", () => {
  const plain = candidate();
  const cases: Figures[] = [{ latency: 20 }, { inFlight: 3 }, { failureRate: 0.2 }, {
    latency: 1,
    failureRate: 0.5,
  }];
  for (const dear of cases) assertEquals(shares([plain, candidate(dear)]), [1, 0]);
});

Deno.test("a small difference does not matter", () => {
  assertNear(shares([candidate({ latency: 10 }), candidate({ latency: 11 })]), [0.5, 0.5]);
});

Deno.test("a target of unknown latency is compared by its load", () => {
  assertNear(shares([candidate({ latency: 0 }), candidate({ latency: 50 })]), [0.5, 0.5]);
  assertEquals(shares([candidate({ latency: 0, inFlight: 1 }), candidate({ latency: 50 })]), [
    0,
    1,
  ]);
});

Deno.test("a target that fails fast is no better than the slow one that succeeds", () => {
  const failing = candidate({ latency: 0.5, failureRate: 0.9 });
  assertEquals(shares([failing, candidate({ latency: 500, inFlight: 100 })]), [0, 1]);
});

property(
  "the most expensive of several targets is chosen only where all are alike",
  300,
  (random) => {
    const candidates = random.list(2, 6, () =>
      candidate({
        weight: random.int(1, 3),
        inFlight: random.int(0, 20),
        latency: random.int(1, 100),
      }));
    const worst = candidate({ weight: 1, inFlight: 200, latency: 1_000, failureRate: 0.5 });
    const all = random.shuffle([...candidates, worst]);
    for (let n = 0; n < 50; n++) {
      const chosen = chooseTarget(all, 0, () => random.int(0, 9_999) / 10_000);
      assert(chosen !== undefined && chosen !== worst);
    }
  },
);
