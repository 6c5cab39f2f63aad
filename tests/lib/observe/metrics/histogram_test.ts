import { assertEquals } from "@std/assert";
import { Histogram } from "../../../../lib/observe/metrics/histogram.ts";
import { BOUNDS } from "../../../../lib/observe/metrics/metric_table.ts";
import { property } from "../../../support/random.ts";

property(
  "each value counts in the first bucket that has room for it, and in the sum",
  200,
  (random) => {
    const recorded: number[] = [];
    const histogram = new Histogram((seconds) => recorded.push(seconds));
    const times = random.list(
      0,
      200,
      // On a bound, beside it, or anywhere.
      () => random.bool(0.3) ? random.pick(BOUNDS) * 1000 : random.int(0, 20_000_000) / 1000,
    );
    for (const ms of times) {
      if (random.bool()) histogram.observe(ms);
      else histogram.observeWithTrace(ms, "t", 0);
    }
    for (const [place, bound] of [...BOUNDS, Infinity].entries()) {
      const upTo = histogram.counts.slice(0, place + 1).reduce((sum, count) => sum + count, 0);
      assertEquals(upTo, times.filter((ms) => ms / 1000 <= bound).length, `at most ${bound} s`);
      const { value = 0 } = histogram.exemplars?.[place] ?? {};
      assertEquals(value <= bound && value >= (value === 0 ? 0 : (BOUNDS[place - 1] ?? 0)), true);
    }
    assertEquals(recorded, times.map((ms) => ms / 1000));
    assertEquals(histogram.sum, recorded.reduce((sum, seconds) => sum + seconds, 0));
  },
);

Deno.test("a bucket keeps the last trace that was observed in it, and none without one", () => {
  const histogram = new Histogram();
  histogram.observe(3);
  assertEquals(histogram.exemplars, undefined);
  histogram.observeWithTrace(3, "first", 1);
  histogram.observeWithTrace(4, "second", 2);
  histogram.observe(3);
  assertEquals(histogram.exemplars?.filter((exemplar) => exemplar !== undefined), [
    { traceId: "second", value: 0.004, time: 2 },
  ]);
});
