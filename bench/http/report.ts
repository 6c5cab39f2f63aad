import type { Contestant } from "./contestants.ts";
import type { Row, Table } from "./summary.ts";

/** Why a contestant does not take part. */
export interface Skipped {
  readonly contestant: string;
  readonly reason: string;
}

/** What was measured, and under which conditions. */
export interface Report {
  readonly date: string;
  readonly command: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly isPinned: boolean;
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUp: number;
  readonly skipped: readonly Skipped[];
  readonly tables: readonly Table[];
}

/** The figures of a row as text, by column. */
export function cellsOf(row: Row, baseline: string): Record<string, string> {
  return {
    "": row.contestant,
    "requests/s": Math.round(row.perSecond).toLocaleString("en"),
    "CPU µs": decimals(row.cpuMicros),
    [`to ${baseline}`]: row.cpuRatio === undefined || !Number.isFinite(row.cpuRatio)
      ? "–"
      : row.cpuRatio.toFixed(2),
    "spread": `${decimals(row.spread[0])}–${decimals(row.spread[1])}`,
    "p50 ms": decimals(row.p50Ms),
    "p99 ms": decimals(row.p99Ms),
    "idle MB": Math.round(row.idleMb).toString(),
    "RSS MB": Math.round(row.rssMb).toString(),
    "wrong": row.wrong.toString(),
  };
}

/** The title of a table. */
export function titleOf({ workload, does, connections }: Table): string {
  return `${workload}, ${connections.toLocaleString("en")} ` +
    `connection${connections === 1 ? "" : "s"}: ${does}`;
}

/** How much of the contestants' core other processes used: the median and the most of all rows. */
export function noiseOf(tables: readonly Table[]): { median: number; most: number } | undefined {
  const shares = tables.flatMap(({ rows }) => rows.flatMap(({ otherShare }) => otherShare ?? []))
    .sort((a, b) => a - b);
  const most = shares.at(-1);
  if (most === undefined) return undefined;
  return { median: shares[shares.length >> 1] ?? most, most };
}

/** The report as Markdown, to stand between the two marks of a document. */
export function markdown(report: Report, contestants: readonly Contestant[]): string {
  const noise = noiseOf(report.tables);
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  return [
    "```sh",
    report.command,
    "```",
    `${report.date}, ${report.machine}; ` +
    Object.entries(report.versions).map(([name, version]) => `${name} ${version}`).join(", ") +
    `. ${report.rounds} rounds of ${report.seconds} s after ${report.warmUp} s of warm-up.`,
    noise
      ? `Other processes used ${percent(noise.median)} of the contestants' core during a turn ` +
        `(median; at most ${percent(noise.most)}).` +
        (noise.median > 0.05
          ? " **The machine was shared: read the ratios, not the absolute figures.**"
          : "")
      : "Nothing was pinned to a core.",
    ...report.skipped.map(({ contestant, reason }) => `Skipped: ${contestant} (${reason}).`),
    ...report.tables.flatMap((table) => [`### ${titleOf(table)}`, markdownTable(table)]),
    "### Contestants",
    [
      "| | does | does not |",
      "| --- | --- | --- |",
      ...contestants.map(({ name, does, doesNot }) => `| ${name} | ${does} | ${doesNot} |`),
    ].join("\n"),
  ].join("\n\n");
}

/**
 * Puts text between the marks of a document: `<!-- bench:http -->` and `<!-- /bench:http -->`.
 * @throws {Error} when the document does not have them
 */
export function replaceBetweenMarks(document: string, text: string, mark = "bench:http"): string {
  const [first, last] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`];
  const [begin, end] = [document.indexOf(first), document.indexOf(last)];
  if (begin < 0 || end < begin) throw new Error(`the document has no ${first} … ${last}`);
  return `${document.slice(0, begin + first.length)}\n\n${text}\n\n${document.slice(end)}`;
}

function markdownTable({ rows, baseline }: Table): string {
  const cells = rows.map((row) => cellsOf(row, baseline));
  const names = Object.keys(cells[0] ?? {});
  const line = (texts: readonly string[]) => `| ${texts.join(" | ")} |`;
  return [
    line(names),
    line(names.map((_, index) => index === 0 ? "---" : "---:")),
    ...cells.map((row) => line(names.map((name) => row[name] ?? ""))),
  ].join("\n");
}

/** Three significant digits, as far as they help; a dash where not one request was completed. */
function decimals(value: number): string {
  if (!Number.isFinite(value)) return "–";
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}
