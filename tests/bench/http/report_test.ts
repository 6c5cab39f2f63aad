import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { CONTESTANTS } from "../../../bench/http/contestants.ts";
import { cellsOf, markdown, replaceBetweenMarks, type Report } from "../../../bench/http/report.ts";

const REPORT: Report = {
  date: "2026-01-02",
  command: "deno task bench:http --rounds 1",
  machine: "a machine",
  versions: { Deno: "2.9.6" },
  isPinned: true,
  rounds: 1,
  seconds: 3,
  warmUp: 6,
  skipped: [{ contestant: "lura", reason: "go is not installed" }],
  tables: [{
    workload: "fan-3",
    does: "an aggregate",
    connections: 2_000,
    baseline: "fetch",
    rows: [{
      contestant: "sluice",
      idleMb: 60.4,
      perSecond: 12_345.6,
      cpuMicros: 81.04,
      cpuRatio: 0.651,
      p50Ms: 5.1,
      p99Ms: 111.5,
      rssMb: 99.5,
      wrong: 0,
      spread: [79.9, 104.2],
      otherShare: 0.3,
    }],
  }],
};

Deno.test("report: the document has the command, who was skipped, and every figure", () => {
  const text = markdown(REPORT, CONTESTANTS.slice(0, 1));
  assertStringIncludes(text, "deno task bench:http --rounds 1");
  assertStringIncludes(text, "Skipped: lura (go is not installed).");
  assertStringIncludes(text, "### fan-3, 2,000 connections: an aggregate");
  assertStringIncludes(
    text,
    "| sluice | 12,346 | 81.0 | 0.65 | 79.9–104 | 5.10 | 112 | 60 | 100 | 0 |",
  );
});

Deno.test("report: a turn without a completed request has no figures", () => {
  const [row] = REPORT.tables.flatMap(({ rows }) => rows);
  assert(row);
  const cells = cellsOf({ ...row, cpuMicros: NaN, cpuRatio: NaN, spread: [NaN, NaN] }, "fetch");
  assertEquals([cells["CPU µs"], cells["to fetch"], cells.spread], ["–", "–", "–––"]);
});

Deno.test("report: a machine that others used is said to be shared", () => {
  assertStringIncludes(markdown(REPORT, []), "used 30 % of the contestants' core");
  assertStringIncludes(markdown(REPORT, []), "shared");
  const quiet = REPORT.tables.map((table) => ({
    ...table,
    rows: table.rows.map((row) => ({ ...row, otherShare: 0.01 })),
  }));
  assert(!markdown({ ...REPORT, tables: quiet }, []).includes("shared"));
});

Deno.test("report: only what stands between the marks is replaced", () => {
  const document = "before\n\n<!-- bench:http -->\n\nold\n\n<!-- /bench:http -->\n\nafter\n";
  const replaced = replaceBetweenMarks(document, "new");
  assertEquals(replaced, document.replace("old", "new"));
  assertEquals(replaceBetweenMarks(replaced, "new"), replaced);
  assertThrows(() => replaceBetweenMarks("nothing", "new"), Error, "<!-- bench:http -->");
  assertThrows(() => replaceBetweenMarks(document, "new", "other"), Error, "<!-- other -->");
});

Deno.test("report: the document's tables are those of the JSON beside it", async () => {
  const docs = new URL("../../../docs/", import.meta.url);
  const read = (name: string) => Deno.readTextFile(new URL(name, docs));
  const report: Report = JSON.parse(await read("performance.json"));
  const document = unformatted(await read("performance.md"));
  assert(report.tables.length > 0);
  const [, ...tables] = markdown(report, []).split(/^### /m).slice(0, -1);
  assertEquals(tables.length, report.tables.length);
  for (const text of [report.command, ...tables]) {
    assert(document.includes(unformatted(text)), `performance.md does not have:\n${text}`);
  }
});

/** Text without what formatting adds: line breaks, and what aligns the columns of tables. */
function unformatted(text: string): string {
  return text.replace(/\s+/g, " ").replace(/-{2,}/g, "-");
}
