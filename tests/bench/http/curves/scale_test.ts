import { assertEquals, assertThrows } from "@std/assert";
import { scale, ticks } from "../../../../bench/http/curves/scale.ts";

Deno.test("scale: a linear one places values evenly, also downwards", () => {
  const toX = scale("linear", [0, 10], [100, 300]);
  assertEquals([0, 5, 10].map(toX), [100, 200, 300]);
  const toY = scale("linear", [0, 10], [300, 100]);
  assertEquals([0, 2.5, 10].map(toY), [300, 250, 100]);
});

Deno.test("scale: a logarithmic one gives each decade the same room", () => {
  const toX = scale("log", [1, 1_000], [0, 300]);
  const places = [1, 2, 10, 100, 1_000].map((value) => Number(toX(value).toFixed(3)));
  assertEquals(places, [0, 30.103, 100, 200, 300]);
});

Deno.test("scale: a domain of one value is at the begin, not at NaN", () => {
  assertEquals(scale("linear", [5, 5], [10, 20])(5), 10);
  assertEquals(scale("log", [5, 5], [10, 20])(5), 10);
});

Deno.test("scale: a logarithmic axis cannot begin at 0", () => {
  assertThrows(() => scale("log", [0, 1], [0, 1]), RangeError, "above 0; got 0");
});

const TICKS: readonly [kind: "linear" | "log", values: number[], expected: number[]][] = [
  ["linear", [3, 10], [0, 2, 4, 6, 8, 10]],
  ["linear", [300], [0, 50, 100, 150, 200, 250, 300]],
  ["linear", [1.02], [0, 0.2, 0.4, 0.6, 0.8, 1, 1.2]],
  ["linear", [0.3], [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]],
  ["log", [3, 40], [2, 5, 10, 20, 50]],
  ["log", [100, 1_000], [100, 200, 500, 1_000]],
  ["log", [0.5, 40_000], [0.1, 1, 10, 100, 1_000, 10_000, 100_000]],
  ["log", [100, 100], [100]],
];

for (const [kind, values, expected] of TICKS) {
  Deno.test(`scale: ${kind} ticks for ${values.join(" to ")} are round and hold them all`, () => {
    assertEquals(ticks(kind, values), expected);
  });
}
