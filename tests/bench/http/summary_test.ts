import { assertEquals } from "@std/assert";
import type { Turn } from "../../../bench/http/measure.ts";
import { median, ratio, summarize } from "../../../bench/http/summary.ts";

const turn = (cpuMicros: number, more: Partial<Turn> = {}): Turn => ({
  perSecond: 1e6 / cpuMicros,
  cpuMicros,
  p50Ms: 1,
  p99Ms: 2,
  rssMb: 50,
  wrong: 0,
  ...more,
});

Deno.test("summary: a median is the middle value, or between the two", () => {
  assertEquals([median([3, 1, 2]), median([4, 1, 2, 3]), median([7])], [2, 2.5, 7]);
  assertEquals(median([]), NaN);
});

Deno.test("summary: ratios are taken round by round, so a slow moment counts on both sides", () => {
  // The median of each side would make 20 of the second.
  assertEquals(ratio([20, 200, 20], [10, 100, 10]), 2);
  assertEquals(ratio([20, 200, 200], [10, 10, 100]), 2);
});

Deno.test("summary: a row has medians, the most memory, and the sum of what went wrong", () => {
  const turns = [turn(100, { wrong: 1 }), turn(300, { rssMb: 90 }), turn(200, { wrong: 2 })];
  const row = summarize("a", 30, turns, [turn(100), turn(100), turn(100)]);
  assertEquals(row, {
    contestant: "a",
    idleMb: 30,
    perSecond: 5_000,
    cpuMicros: 200,
    cpuRatio: 2,
    p50Ms: 1,
    p99Ms: 2,
    rssMb: 90,
    wrong: 3,
    spread: [100, 300],
  });
});

Deno.test("summary: without the baseline there is no ratio", () => {
  assertEquals("cpuRatio" in summarize("a", 30, [turn(1)], undefined), false);
});
