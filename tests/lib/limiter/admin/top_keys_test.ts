import { assertEquals } from "@std/assert";
import { TopKeys } from "../../../../lib/limiter/admin/top_keys.ts";
import type { BucketIdentity } from "../../../../lib/limiter/bucket_key.ts";
import { limit } from "../../../support/limiting.ts";
import { ManualClock } from "../../../support/manual_clock.ts";

function start() {
  const clock = new ManualClock();
  const busiest = new TopKeys(clock);
  const settings = {
    name: "it",
    allowance: limit({}),
    tiers: new Map(),
    by: [],
    perRoute: false,
    refund: new Set<"hit" | "fault">(),
  };
  const add = (key: string, tokens = 1, isTaken = true) => {
    const counted: BucketIdentity = {
      limit: settings,
      tier: undefined,
      route: "GET /",
      subject: key,
    };
    busiest.add(counted, { key, limit: settings.allowance, tokens }, isTaken);
  };
  const top = (most = 10) =>
    busiest.top(most).buckets.map(({ charge, taken, refused }) => [charge.key, taken, refused]);
  return { clock, busiest, add, top };
}

Deno.test("the buckets are ordered by their requests", () => {
  const { add, top } = start();
  for (let i = 0; i < 3; i++) add("a");
  add("b", 10);
  for (let i = 0; i < 5; i++) add("c", 1, false);
  assertEquals(top(), [["b", 10, 0], ["c", 0, 5], ["a", 3, 0]]);
  assertEquals(top(1), [["b", 10, 0]]);
});

Deno.test("what is ten seconds old no longer counts, and the counted time is shown", async () => {
  const { clock, busiest, add, top } = start();
  add("a");
  await clock.advance(5_000);
  add("a");
  add("b");
  assertEquals(top(), [["a", 2, 0], ["b", 1, 0]]);
  await clock.advance(2_000);
  assertEquals(busiest.top(1).overMs, 7_000);
  await clock.advance(3_000);
  assertEquals(top(), [["a", 1, 0], ["b", 1, 0]]);
  await clock.advance(5_000);
  assertEquals(top(), []);
});

Deno.test("the number of counted buckets is bounded", () => {
  const { busiest, add } = start();
  for (let i = 0; i < 20_000; i++) add(`${i}`);
  assertEquals(busiest.top(Infinity).buckets.length, 10_000);
});
