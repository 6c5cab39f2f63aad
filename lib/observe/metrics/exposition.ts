import { type Exemplar, Histogram } from "./histogram.ts";
import { BOUNDS, type MetricFacts } from "./metric_table.ts";

/** Prometheus' text format 0.0.4, or OpenMetrics 1.0, which has exemplars. */
export type ExpositionFormat = "text" | "openmetrics";

/** One line to write: labels without braces, and the value. */
export interface Sample {
  readonly text: string;
  readonly value: number | Histogram;
}

/** The media type of each format. */
export const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** What ends an exposition. */
export const EXPOSITION_END: Readonly<Record<ExpositionFormat, string>> = {
  text: "",
  openmetrics: "# EOF\n",
};

const TOTAL = /_total$/;

/** Writes the head of a metric: its help and its type. */
export function writeHead(
  name: string,
  { type, help }: MetricFacts,
  format: ExpositionFormat,
): string {
  const family = format === "openmetrics" && type === "counter" ? name.replace(TOTAL, "") : name;
  const text = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return `# HELP ${family} ${text}\n# TYPE ${family} ${type}\n`;
}

/** Writes one series of a metric. */
export function writeSample(
  name: string,
  { text, value }: Sample,
  format: ExpositionFormat,
): string {
  if (value instanceof Histogram) return writeHistogram(name, text, value, format);
  return `${name}${text && `{${text}}`} ${numberText(value)}\n`;
}

function writeHistogram(
  name: string,
  text: string,
  { counts, sum, exemplars }: Histogram,
  format: ExpositionFormat,
): string {
  const prefix = `${name}_bucket{${text && `${text},`}le="`;
  let lines = "";
  let count = 0;
  for (let place = 0; place < counts.length; place++) {
    count += counts[place] ?? 0;
    const exemplar = format === "openmetrics" ? exemplars?.[place] : undefined;
    lines += `${prefix}${BOUND_TEXTS[format][place] ?? "+Inf"}"} ${count}${
      exemplarText(exemplar)
    }\n`;
  }
  const labels = text && `{${text}}`;
  return `${lines}${name}_sum${labels} ${numberText(sum)}\n${name}_count${labels} ${count}\n`;
}

/** OpenMetrics section "Canonical Numbers" has `1.0` where the text format has `1`. */
const BOUND_TEXTS: Readonly<Record<ExpositionFormat, readonly string[]>> = {
  text: BOUNDS.map(String),
  openmetrics: BOUNDS.map((bound) => Number.isInteger(bound) ? `${bound}.0` : String(bound)),
};

function exemplarText(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return "";
  const { traceId, value, time } = exemplar;
  return ` # {trace_id="${traceId}"} ${numberText(value)} ${time / 1000}`;
}

function numberText(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}
