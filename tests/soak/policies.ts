// deno-lint-ignore-file no-console -- its output is its purpose
import { assert } from "@std/assert";
import { heapUsed } from "../support/heap_used.ts";
import { mixCalls } from "../support/mixed_calls.ts";

const REQUESTS = Number(Deno.env.get("REQUESTS") ?? 100_000);
/** By how much the heap may differ between two moments at which nothing is under way (bytes). */
const HEAP_NOISE = 3_000_000;

Deno.test(`${REQUESTS} mixed requests through every policy leave nothing`, async () => {
  const began = performance.now();
  const heaps: number[] = [];
  const { calls, statuses, kinds } = await mixCalls({
    requests: REQUESTS,
    seed: 1,
    onRest: () => heaps.push(heapUsed()),
  });
  const [early = 0, late = 0] = heaps;
  console.log(
    `${REQUESTS} requests, ${calls} calls in ${
      ((performance.now() - began) / 1000).toFixed(1)
    } s;` +
      ` heap ${heaps.map((bytes) => (bytes / 1e6).toFixed(2)).join(" and ")} MB;` +
      ` responses ${listOf(statuses)}; problems ${listOf(kinds)}`,
  );
  assert(late - early < HEAP_NOISE, `the heap grew by ${late - early} bytes`);
});

function listOf(counts: ReadonlyMap<string, number>): string {
  return [...counts].sort().map(([what, times]) => `${what}: ${times}`).join(", ");
}
