import { assert, assertEquals } from "@std/assert";
import { FailureRate } from "../../../../lib/policies/target/failure_rate.ts";
import { PeakEwma } from "../../../../lib/policies/target/peak_ewma.ts";
import { property } from "../../../support/random.ts";

function assertAlmostEquals(actual: number, expected: number): void {
  assert(Math.abs(actual - expected) < 1e-9, `${actual} instead of ${expected}`);
}

Deno.test("a peak EWMA is 0 before the first observation, then that one", () => {
  const ewma = new PeakEwma();
  assertEquals(ewma.at(0), 0);
  ewma.observe(5, 100);
  assertEquals(ewma.at(100), 5);
});

Deno.test("a peak EWMA rises at once, and falls to a third in ten seconds", () => {
  const ewma = new PeakEwma();
  ewma.observe(10, 0);
  ewma.observe(100, 1);
  assertEquals(ewma.at(1), 100);
  assertAlmostEquals(ewma.at(10_001), 100 / Math.E);
  ewma.observe(10, 10_001);
  assertAlmostEquals(ewma.at(10_001), 100 / Math.E + 10 * (1 - 1 / Math.E));
});

Deno.test("a lower bound raises a peak EWMA, and never lowers it", () => {
  const ewma = new PeakEwma();
  ewma.observe(10, 0);
  ewma.raise(3, 0);
  assertEquals(ewma.at(0), 10);
  ewma.raise(30, 0);
  assertEquals(ewma.at(0), 30);
});

Deno.test("a failure rate grows with failures, falls with successes and with time", () => {
  const rate = new FailureRate();
  assertEquals(rate.at(0), 0);
  rate.add(true, 0);
  rate.add(true, 0);
  assertAlmostEquals(rate.at(0), 0.36);
  rate.add(false, 0);
  assertAlmostEquals(rate.at(0), 0.288);
  assertAlmostEquals(rate.at(10_000), 0.288 / Math.E);
});

property("the averages stay within what was observed", 200, (random) => {
  const [ewma, rate] = [new PeakEwma(), new FailureRate()];
  let now = 0;
  let most = 0;
  for (let n = 0; n < 100; n++) {
    now += random.pick([0, 1, 50, 5_000]);
    const sample = random.int(0, 1_000);
    most = Math.max(most, sample);
    ewma.observe(sample, now);
    rate.add(random.bool(), now);
    assert(ewma.at(now) >= sample - 1e-9, "never below the last observation");
    assert(ewma.at(now) <= most + 1e-9 && ewma.at(now + 1) <= ewma.at(now));
    assert(rate.at(now) >= 0 && rate.at(now) < 1);
  }
});
