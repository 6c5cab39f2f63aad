import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Chart, drawChart } from "../../../../bench/http/curves/chart.ts";

const CHART: Chart = {
  title: "CPU <by> parts",
  x: { label: "parts", kind: "log", ticks: [1, 10, 100] },
  y: { label: "CPU (µs)", kind: "linear" },
  lines: [
    { name: "sluice", points: [[1, 100], [10, 200], [100, 400]] },
    { name: "fetch", points: [[1, 50], [100, 350]] },
    { name: "guide", points: [[1, 100], [100, 10_000]], isGuide: true },
  ],
};

Deno.test("chart: title, axis labels, legend and ticks are in the picture, escaped", () => {
  const svg = drawChart(CHART);
  for (const text of ["CPU &lt;by&gt; parts", "parts", "CPU (µs)", "sluice", "fetch", "guide"]) {
    assertStringIncludes(svg, `>${text}</text>`);
  }
  for (const tick of ["1", "10", "100", "0", "200", "400"]) {
    assertStringIncludes(svg, `>${tick}</text>`);
  }
  assert(!svg.includes("10,000"), "a guide does not widen the axes");
});

Deno.test("chart: a line goes through its points, by the axes' scales", () => {
  const lines = [...drawChart(CHART).matchAll(/<polyline points="([^"]+)"/g)].map(([, at]) => at);
  // The plot is from 76 to 692 and from 340 up to 78; three lines of the legend come first.
  assertEquals(lines[3], "76,274.5 384,209 692,78");
  assertEquals(lines[4], "76,307.3 692,110.8");
});

Deno.test("chart: lines differ by colour and by marker, a guide is dashed and has none", () => {
  const svg = drawChart(CHART);
  const colours = new Set([...svg.matchAll(/stroke="(#\w+)"/g)].map(([, colour]) => colour));
  assertEquals(colours.size, 3);
  assertEquals([...svg.matchAll(/<circle/g)].length, 3 + 1); // its points, and the legend
  assertEquals([...svg.matchAll(/stroke-dasharray/g)].length, 2);
});

Deno.test("chart: it has a background of its own, and a dark one for who prefers that", () => {
  const svg = drawChart(CHART);
  assertMatch(svg, /<rect class="b"/);
  assertMatch(svg, /\.b\{fill:#fff;.*@media\(prefers-color-scheme:dark\).*\.b\{fill:#0d1117/);
});
