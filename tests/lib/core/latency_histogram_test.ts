import { assert, assertEquals } from "@std/assert";
import { LatencyHistogram } from "../../../lib/core/latency_histogram.ts";
import { property } from "../../support/random.ts";

function filled(latencies: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const ms of latencies) histogram.add(ms);
  return histogram;
}

Deno.test("a few observations say nothing", () => {
  assertEquals(filled(Array(49).fill(10)).quantile(0.95), undefined);
  assert(filled(Array(50).fill(10)).quantile(0.95) !== undefined);
});

property("a quantile is exact to a tenth, and never too low", 50, (random) => {
  const latencies = random.list(100, 1500, () => random.int(1, 5000));
  const sorted = latencies.toSorted((a, b) => a - b);
  const share = random.pick([0.5, 0.9, 0.95, 0.99]);
  const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? NaN;
  const found = filled(latencies).quantile(share) ?? NaN;
  assert(found >= exact * 0.999 && found <= exact * 1.1, `${found} for ${exact}`);
});

Deno.test("old observations fade", () => {
  const histogram = filled(Array(10_000).fill(100));
  assertEquals(Math.round((histogram.quantile(0.5) ?? 0) / 100), 1);
  for (let index = 0; index < 2_500; index++) histogram.add(10);
  assert((histogram.quantile(0.5) ?? 0) < 12);
});

Deno.test("times of any size are counted", () => {
  assertEquals(filled(Array(60).fill(0)).quantile(0.5), 0.5);
  assert((filled(Array(60).fill(1e9)).quantile(0.5) ?? 0) >= 100_000);
  assert(Number.isFinite(filled(Array(60).fill(1e9)).quantile(1)));
});

Deno.test("a quantile follows new observations, whichever is asked for", () => {
  const histogram = filled([...Array(50).fill(10), ...Array(50).fill(1000)]);
  assert((histogram.quantile(0.4) ?? 0) < 12);
  assert((histogram.quantile(0.9) ?? 0) > 900);
  for (let index = 0; index < 1000; index++) histogram.add(10);
  assert((histogram.quantile(0.9) ?? 0) < 12);
});
