import { percentile } from "./load.ts";
import { callsOf, type Measured, type Results, type Scenario } from "./scenario.ts";
import { percent, type Verdict } from "./verdict.ts";

const COLUMNS = ["complete", "partial", "failed", "p50 ms", "p99 ms", "calls"] as const;

/** A scenario with what came of it. */
export interface Report {
  readonly scenario: Scenario;
  readonly results: Results;
  readonly verdicts: readonly Verdict[];
}

/** The two tables of a scenario side by side, as text, with its promises. */
export function textOf({ scenario, results, verdicts }: Report): string {
  const rows = [
    ["", ...COLUMNS, "|", ...COLUMNS],
    ...scenario.phases.map((
      { name },
    ) => [name, ...cellsOf(results.off(name)), "|", ...cellsOf(results.on(name))]),
  ];
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0))
  );
  const lines = rows.map((row) =>
    row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    }).join("  ")
  );
  const middle = lines[0]?.indexOf("|") ?? 0;
  const title = "policies off".padStart(middle - 2) + "  |  policies on";
  return [scenario.name, title, ...lines, ...verdicts.map(verdictText), ""].join("\n");
}

/** The same as Markdown. */
export function markdownOf({ scenario, results, verdicts }: Report): string {
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const columns = (side: string) => COLUMNS.map((column) => `${side}: ${column}`);
  return [
    `### ${scenario.name}`,
    [
      row(["", ...columns("off"), ...columns("on")]),
      row(["---", ...[...COLUMNS, ...COLUMNS].map(() => "--:")]),
      ...scenario.phases.map(({ name }) =>
        row([name, ...cellsOf(results.off(name)), ...cellsOf(results.on(name))])
      ),
    ].join("\n"),
    verdicts.map((verdict) => `- ${verdictText(verdict)}`).join("\n"),
  ].join("\n\n");
}

function verdictText({ promise, isKept, found }: Verdict): string {
  return `${isKept ? "kept" : "BROKEN"}: ${promise}; measured ${found}`;
}

/** Shares in percent, latencies, and calls to upstreams per request. */
function cellsOf(measured: Measured): string[] {
  const { requests, complete, partial, failed } = measured;
  return [
    ...[complete, partial, failed].map((count) => percent(count / requests)),
    ...[0.5, 0.99].map((share) => percentile(measured, share).toFixed(0)),
    (callsOf(measured) / requests).toFixed(2),
  ];
}
