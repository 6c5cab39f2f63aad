import { assertEquals } from "@std/assert";
import { Demand } from "../../../lib/limiter/demand.ts";

Deno.test("demand: what came in this window, and a share of the one before", () => {
  const demand = new Demand();
  assertEquals(demand.perMs(0), 0);
  demand.add(40, 0);
  assertEquals(demand.perMs(100), 0.2);
  assertEquals(demand.perMs(300), 0.1);
  demand.add(20, 300);
  assertEquals(demand.perMs(300), 0.2);
  assertEquals(demand.perMs(600), 0);
});

Deno.test("demand: a look at the past forgets nothing", () => {
  const demand = new Demand();
  demand.add(40, 250);
  assertEquals(demand.perMs(190), 0.2);
  assertEquals(demand.perMs(250), 0.2);
});
