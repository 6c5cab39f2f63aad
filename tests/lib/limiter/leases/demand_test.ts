import { assert, assertEquals } from "@std/assert";
import { Demand } from "../../../../lib/limiter/leases/demand.ts";

function assertNear(actual: number, expected: number, most: number): void {
  assert(Math.abs(actual - expected) <= most, `${actual}, not ${expected}`);
}

Deno.test("demand: what was requested in the last second", () => {
  const demand = new Demand();
  assertEquals(demand.perMs(0), 0);
  for (let now = 0; now < 5_000; now += 10) demand.add(4, now);
  for (const now of [5_000, 5_300, 5_990]) {
    assertNear(demand.perMs(now), 0.4 * (6_000 - now) / 1_000, 0.01);
  }
  assertEquals(demand.perMs(6_000), 0);
});

Deno.test("demand: a read at an earlier time drops nothing", () => {
  const demand = new Demand();
  demand.add(40, 1_050);
  assertEquals(demand.perMs(990), 0.16);
  assertEquals(demand.perMs(1_050), 0.16);
});

Deno.test("demand: new demand is averaged over the time since its start", () => {
  const demand = new Demand();
  for (let now = 700; now < 1_200; now += 10) demand.add(1, now);
  assertNear(demand.perMs(1_200), 0.1, 0.03);
});

Deno.test("demand: it is steady after a burst's time, until half a second without requests", () => {
  const demand = new Demand();
  assertEquals(demand.isSteady(0), false);
  for (
    const [now, isSteady] of [[990, false], [1_010, false], [1_230, false], [1_240, true]] as const
  ) {
    demand.add(1, now);
    assertEquals(demand.isSteady(now), isSteady, `${now}`);
  }
  assertEquals([demand.isSteady(1_739), demand.isSteady(1_740)], [true, false]);
  demand.add(1, 1_740);
  assertEquals(demand.isSteady(1_740), false);
});
