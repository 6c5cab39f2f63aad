import { chartsOf, type Figure, relativeThroughput, xLabel } from "./charts.ts";
import type { MeasuredCurve } from "./report.ts";

/** The figures that a table has of each line. */
const COLUMNS: Readonly<Record<string, Readonly<Record<string, Figure>>>> = {
  connections: {
    "requests/s": ({ perSecond }) => perSecond,
    "to 64": relativeThroughput,
    "p99 ms": ({ p99Ms }) => p99Ms,
    "wrong": ({ wrong }) => wrong,
  },
  clients: { "CPU µs": ({ cpuMicros }) => cpuMicros, "RSS MB": ({ rssMb }) => rssMb },
};
const CPU_ONLY: Readonly<Record<string, Figure>> = { "CPU µs": ({ cpuMicros }) => cpuMicros };

/** A curve as Markdown: its pictures, its figures, and how they were measured. */
export function curveMarkdown(curve: MeasuredCurve): string {
  const { name, lines, date, machine, deno, rounds, seconds } = curve;
  const columns = Object.entries(COLUMNS[name] ?? CPU_ONLY);
  const xs = lines[0]?.points.map(({ x }) => x) ?? [];
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const header = [
    xLabel(name),
    ...lines.flatMap((line) => columns.map(([label]) => `${line.name}: ${label}`)),
  ];
  const shares = lines.flatMap(({ points }) => points.flatMap(({ otherShare }) => otherShare ?? []))
    .sort((a, b) => a - b);
  const share = shares[shares.length >> 1];
  const wrong = lines.flatMap(({ points }) => points).reduce((sum, point) => sum + point.wrong, 0);
  return [
    ...chartsOf(curve).map(({ file, chart }) => `![${chart.title}](curves/${file})`),
    [
      row(header),
      row(header.map(() => "---:")),
      ...xs.map((x, index) =>
        row([
          x.toLocaleString("en"),
          ...lines.flatMap(({ points }) =>
            columns.map(([, figure]) => {
              const point = points[index];
              return inDigits(point ? figure(point, points) : null);
            })
          ),
        ])
      ),
    ].join("\n"),
    `${date}, ${machine}, Deno ${deno}; each point is the median of ${rounds} turns of ` +
    `${seconds / rounds} s, and ${wrong.toLocaleString("en")} responses were wrong. ` +
    (share === undefined
      ? "Nothing was pinned to a core."
      : `Other processes used ${Math.round(share * 100)} % of the gateway's core (median).`),
  ].join("\n\n");
}

/** Three significant digits; a dash where not one request was completed. */
function inDigits(value: number | null): string {
  if (value === null) return "–";
  const digits = value < 100 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 0 };
  return value.toLocaleString("en", digits);
}
