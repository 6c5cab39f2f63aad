import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { drawChart } from "../../../../bench/http/curves/chart.ts";
import { chartsOf } from "../../../../bench/http/curves/charts.ts";
import { CURVES } from "../../../../bench/http/curves/curves.ts";
import { readReport, writeReport } from "../../../../bench/http/curves/docs.ts";
import { curveMarkdown } from "../../../../bench/http/curves/markdown.ts";
import { type MeasuredCurve, withCurves } from "../../../../bench/http/curves/report.ts";

const DOCS = new URL("../../../../docs/", import.meta.url).pathname;
const MOST_BYTES = 20_000;

const read = (name: string) => Deno.readTextFile(DOCS + name);
/** Text without what formatting adds: line breaks, and what aligns the columns of tables. */
const unformatted = (text: string) => text.replace(/\s+/g, " ").replace(/-{3,}/g, "---");

Deno.test("curves: the document has every curve's pictures and figures as they are in the JSON", async () => {
  const report = await readReport(`${DOCS}performance.md`);
  const document = unformatted(await read("performance.md"));
  assertEquals(
    report.curves.map(({ name }) => name).toSorted(),
    CURVES.map(({ name }) => name).toSorted(),
  );
  for (const curve of report.curves) {
    const text = curveMarkdown(curve);
    assert(document.includes(unformatted(text)), `performance.md does not have:\n${text}`);
  }
});

Deno.test("curves: the pictures are what the JSON draws, and small", async () => {
  const { curves } = await readReport(`${DOCS}performance.md`);
  const charts = curves.flatMap(chartsOf);
  for (const { file, chart } of charts) {
    const svg = drawChart(chart);
    assertEquals(await read(`curves/${file}`), svg, file);
    assert(svg.length < MOST_BYTES, `${file}: ${svg.length} bytes`);
    assert(!svg.includes("NaN"), file);
  }
  const names = await Array.fromAsync(Deno.readDir(`${DOCS}curves`), ({ name }) => name);
  assertEquals(names.toSorted(), charts.map(({ file }) => file).toSorted());
});

Deno.test("curves: a reason stands below each curve", async () => {
  const document = await read("performance.md");
  for (const { name } of CURVES) {
    const [, after = ""] = document.split(`<!-- /curve:${name} -->`);
    assert(/^\s*\*\*Why\*\*: \S.+/.test(after), name);
  }
});

const POINT = { spread: [1, 2], p50Ms: 1, rssMb: 1, wrong: 0 } satisfies object;
const CURVE: MeasuredCurve = {
  name: "connections",
  date: "2026-01-02",
  command: "deno task bench:curves",
  machine: "a machine",
  deno: "2.9.6",
  rounds: 2,
  seconds: 2,
  lines: [{
    name: "sluice",
    points: [
      { ...POINT, spread: [1, 2], x: 1, perSecond: 500, cpuMicros: 100, p99Ms: 1.234 },
      { ...POINT, spread: [1, 2], x: 64, perSecond: 2_000, cpuMicros: 90, p99Ms: 40, wrong: 3 },
      { ...POINT, spread: [null, null], x: 5_000, perSecond: null, cpuMicros: null, p99Ms: null },
    ],
  }],
};

Deno.test("curves: throughput is relative to 64 connections; no figure is a dash and no point", () => {
  const text = curveMarkdown(CURVE);
  assertStringIncludes(text, "| 1 | 500 | 0.25 | 1.23 | 0 |");
  assertStringIncludes(text, "| 64 | 2,000 | 1 | 40 | 3 |");
  assertStringIncludes(text, "| 5,000 | – | – | – | 0 |");
  assertStringIncludes(text, "2 turns of 1 s, and 3 responses were wrong");
  const [throughput, latency] = chartsOf(CURVE);
  assertEquals(throughput?.chart.lines[0]?.points, [[1, 0.25], [64, 1]]);
  assertEquals([throughput?.file, latency?.file], ["connections.svg", "connections_p99.svg"]);
});

Deno.test("curves: what is measured anew replaces its own curve, and redrawing changes nothing", async () => {
  const folder = await Deno.makeTempDir();
  const document = `${folder}/document.md`;
  const marks = "# Text\n\n<!-- curve:connections -->\n\n<!-- /curve:connections -->\n\nMore.\n";
  await Deno.writeTextFile(document, marks);
  try {
    await writeReport(document, withCurves(await readReport(document), [CURVE]));
    const written = await Deno.readTextFile(document);
    assertStringIncludes(written, "](curves/connections.svg)");
    await writeReport(document, await readReport(document));
    assertEquals(await Deno.readTextFile(document), written);
    const later = { ...CURVE, date: "2026-01-03" };
    await writeReport(document, withCurves(await readReport(document), [later]));
    assertEquals(await Deno.readTextFile(document), written.replace("-02", "-03"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
