import { assert, assertEquals } from "@std/assert";
import { HedgeBudget } from "../../../../lib/policies/hedge/hedge_budget.ts";
import { property } from "../../../support/random.ts";

/** How many hedges are made at once after so many calls. */
function hedgesAfter(calls: number, share: number, isUrgent: boolean): number {
  const budget = new HedgeBudget(share);
  for (let index = 0; index < calls; index++) budget.deposit();
  let hedges = 0;
  while (budget.withdraw(isUrgent)) hedges++;
  return hedges;
}

Deno.test("each call adds its share of a hedge", () => {
  assertEquals(hedgesAfter(7, 0.125, true), 0);
  assertEquals(hedgesAfter(8, 0.125, true), 1);
  assertEquals(hedgesAfter(31, 0.125, true), 3);
});

Deno.test("at most ten hedges are saved up", () => {
  assertEquals(hedgesAfter(10_000, 0.125, true), 10);
});

Deno.test("half of what can be saved up is left to urgent calls", () => {
  assertEquals(hedgesAfter(10_000, 0.125, false), 5);
  assertEquals(hedgesAfter(40, 0.125, false), 0);
});

Deno.test("a share of 0 makes no hedges, and one of 1 a hedge for each call", () => {
  assertEquals([hedgesAfter(1000, 0, true), hedgesAfter(3, 1, true)], [0, 3]);
});

Deno.test("a hedge that was not made can be made later", () => {
  const budget = new HedgeBudget(1);
  budget.deposit();
  assertEquals(budget.withdraw(true), true);
  budget.giveBack();
  assertEquals([budget.withdraw(true), budget.withdraw(true)], [true, false]);
});

property("hedges are at most the share of the calls so far, at any time", 50, (random) => {
  const share = random.int(1, 50) / 100;
  const budget = new HedgeBudget(share);
  let [calls, hedges] = [0, 0];
  for (let index = 0; index < 1000; index++) {
    if (random.bool(0.7)) {
      budget.deposit();
      calls++;
    } else if (budget.withdraw(random.bool())) hedges++;
    assert(hedges <= share * calls + 1e-9, `${hedges} of ${calls} calls`);
  }
});
