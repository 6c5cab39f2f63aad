import { assert, assertEquals } from "@std/assert";
import { DEFAULT_SCENARIO, type Scenario, SHAPES } from "../../../bench/simulate/scenario.ts";
import { traffic } from "../../../bench/simulate/traffic.ts";

const SCENARIO: Scenario = { ...DEFAULT_SCENARIO, requests: 20_000, rate: 100, burst: 50, load: 2 };

/** How many requests a second came from whom, the one that asked most first. */
function ratesOf(scenario: Scenario): number[] {
  const arrivals = traffic(scenario);
  const seconds = (arrivals.at(-1)?.at ?? NaN) / 1_000;
  return [...Map.groupBy(arrivals, ({ client }) => client).values()]
    .map((own) => own.length / seconds)
    .sort((a, b) => b - a);
}

function assertNear(actual: number | undefined, expected: number, part = 0.05): void {
  assert(Math.abs((actual ?? NaN) - expected) <= part * expected, `${actual}, not ${expected}`);
}

for (const shape of SHAPES) {
  Deno.test(`traffic: ${shape} comes in order, to every process`, () => {
    const arrivals = traffic({ ...SCENARIO, shape });
    assertEquals(arrivals.length, SCENARIO.requests);
    assertEquals(arrivals, arrivals.toSorted((a, b) => a.at - b.at));
    const shares = [...Map.groupBy(arrivals, ({ process }) => process).values()];
    assertEquals(shares.length, SCENARIO.processes);
    for (const { length } of shares) assertNear(length, SCENARIO.requests / 10, 0.1);
  });
}

Deno.test("traffic: steady clients send load x rate each", () => {
  const rates = ratesOf({ ...SCENARIO, shape: "steady" });
  assertEquals(rates.length, SCENARIO.clients);
  for (const rate of rates) assertNear(rate, 200, 0.1);
});

Deno.test("traffic: one hot client sends load x rate", () => {
  const [rate, ...others] = ratesOf({ ...SCENARIO, shape: "hot" });
  assertNear(rate, 200);
  assertEquals(others, []);
});

Deno.test("traffic: bursts come at once, and then nothing", () => {
  const arrivals = traffic({ ...SCENARIO, shape: "bursts", clients: 2 });
  const own = arrivals.filter(({ client }) => client === 1);
  assertNear(ratesOf({ ...SCENARIO, shape: "bursts", clients: 2 })[0], 200);
  const isEarly = ({ at }: { at: number }) => (at - 250) % 500 <= 25;
  assertEquals(own.filter((arrival) => !isEarly(arrival)), []);
});

Deno.test("traffic: in a heavy tail the first client sends load x rate, the last almost nothing", () => {
  const rates = ratesOf({ ...SCENARIO, shape: "zipf", clients: 10_000 });
  assertNear(rates[0], 200, 0.1);
  assertNear(rates[1], 200 / 2 ** 1.1, 0.1);
  assert(rates.length > 2_000, `${rates.length} clients`);
  const once = rates.filter((rate) => rate === rates.at(-1)).length;
  assert(once > rates.length / 3, `${once} of ${rates.length} came once`);
});

Deno.test("traffic: rotating clients come once", () => {
  const arrivals = traffic({ ...SCENARIO, shape: "rotating" });
  assertEquals(new Set(arrivals.map(({ client }) => client)).size, SCENARIO.requests);
});

Deno.test("traffic: a skewed spread sends four fifths to one process", () => {
  const arrivals = traffic({ ...SCENARIO, spread: "skewed" });
  assertNear(arrivals.filter(({ process }) => process === 0).length, 0.8 * SCENARIO.requests);
  const alone = traffic({ ...SCENARIO, spread: "skewed", processes: 1 });
  assert(alone.every(({ process }) => process === 0));
});

Deno.test("traffic: a wandering client goes to the next process every second", () => {
  const arrivals = traffic({ ...SCENARIO, spread: "wandering", processes: 3 });
  assert(arrivals.every(({ at, process }) => process === Math.floor(at / 1_000) % 3));
});
