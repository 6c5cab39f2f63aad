// deno-lint-ignore-file no-console -- its output is its purpose
import { assert } from "@std/assert";
import { abortCalls } from "../support/aborted_calls.ts";
import { heapUsed } from "../support/heap_used.ts";

const CALLS = Number(Deno.env.get("ABORTS") ?? 100_000);
/** By how much the heap may differ between two moments at which nothing is under way (bytes). */
const HEAP_NOISE = 3_000_000;

Deno.test(`${CALLS} aborted calls leave no socket and no memory`, async () => {
  const began = performance.now();
  const heaps: number[] = [];
  await abortCalls({ calls: CALLS, seed: 1, onRest: () => heaps.push(heapUsed()) });
  const seconds = (performance.now() - began) / 1000;
  const [early = 0, late = 0] = heaps;
  const told = heaps.map((bytes) => (bytes / 1e6).toFixed(2)).join(" and ");
  console.log(`${CALLS} aborted calls in ${seconds.toFixed(1)} s; heap ${told} MB`);
  assert(late - early < HEAP_NOISE, `the heap grew by ${late - early} bytes`);
});
