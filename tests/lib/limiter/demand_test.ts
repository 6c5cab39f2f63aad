import { assert, assertEquals } from "@std/assert";
import { Demand } from "../../../lib/limiter/demand.ts";

function assertNear(actual: number, expected: number, most: number): void {
  assert(Math.abs(actual - expected) <= most, `${actual}, not ${expected}`);
}

Deno.test("demand: what came in the last second", () => {
  const demand = new Demand();
  assertEquals(demand.perMs(0), 0);
  for (let now = 0; now < 5_000; now += 10) demand.add(4, now);
  for (const now of [5_000, 5_300, 5_990]) {
    assertNear(demand.perMs(now), 0.4 * (6_000 - now) / 1_000, 0.01);
  }
  assertEquals(demand.perMs(6_000), 0);
});

Deno.test("demand: a look at the past forgets nothing", () => {
  const demand = new Demand();
  demand.add(40, 1_050);
  assertEquals(demand.perMs(990), 0.04);
  assertEquals(demand.perMs(1_050), 0.04);
});
