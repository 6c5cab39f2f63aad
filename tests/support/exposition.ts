/** One line of an exposition. */
export interface ExposedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly exemplar: { readonly traceId: string; readonly value: number } | undefined;
}

/** A metric of an exposition, with its samples. */
export interface ExposedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ExposedSample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE =
  /^([a-zA-Z_:][\w:]*)(?:\{(.*?)\})? (\S+)(?: # \{trace_id="([\da-f]{32})"\} (\S+) (\d+(?:\.\d+)?))?$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
};

/**
 * Reads an exposition as strictly as its format is written down: each metric once, with its help and
 * type before its samples; no series twice; histograms whose buckets add up and end with `+Inf`.
 * @throws {Error} with the line that is wrong
 */
export function parseExposition(text: string, format: "text" | "openmetrics"): ExposedFamily[] {
  const lines = text.split("\n");
  if (lines.pop() !== "") throw new Error("it must end with a line feed");
  if (format === "openmetrics" && lines.pop() !== "# EOF") {
    throw new Error("it must end with # EOF");
  }
  const families: (ExposedFamily & { samples: ExposedSample[] })[] = [];
  const series = new Set<string>();
  let help: [name: string, text: string] | undefined;
  for (const line of lines) {
    const wrong = (why: string) => new Error(`${why}: ${line}`);
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === "HELP") {
      if (families.some((family) => family.name === name)) throw wrong("a second time");
      if (!NAME.test(name)) throw wrong("no name of a metric");
      help = [name, rest];
      continue;
    }
    if (kind === "TYPE") {
      if (help?.[0] !== name) throw wrong("without help before it");
      if (!["counter", "gauge", "histogram"].includes(rest)) throw wrong("no type");
      const isTotal = name.endsWith("_total");
      if (rest === "counter" && isTotal === (format === "openmetrics")) throw wrong("_total");
      families.push({ name, type: rest, help: help[1], samples: [] });
      continue;
    }
    const [, sample = "", labelText = "", value = "", traceId, at] = SAMPLE.exec(line) ?? [];
    const family = families.at(-1);
    if (
      family === undefined ||
      !suffixes(family.type, format).includes(sample.slice(family.name.length)) ||
      !sample.startsWith(family.name)
    ) throw wrong("no sample of the metric above");
    const labels = labelsOf(labelText, wrong);
    const key = JSON.stringify([sample, Object.entries(labels).sort()]);
    if (series.has(key)) throw wrong("the series a second time");
    series.add(key);
    if (traceId !== undefined && (format === "text" || !sample.endsWith("_bucket"))) {
      throw wrong("an exemplar here");
    }
    const exemplar = traceId === undefined ? undefined : { traceId, value: Number(at) };
    family.samples.push({ name: sample, labels, value: numberOf(value, wrong), exemplar });
  }
  for (const family of families) {
    if (family.samples.length === 0) throw new Error(`${family.name} has no samples`);
    if (family.type === "histogram") checkHistogram(family, format);
  }
  return families;
}

function suffixes(type: string, format: string): readonly string[] {
  if (type === "counter") return [format === "openmetrics" ? "_total" : ""];
  return SUFFIXES[type] ?? [];
}

function labelsOf(text: string, wrong: (why: string) => Error): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const [, name = "", value = ""] = LABEL.exec(text) ?? [];
    if (name === "") throw wrong("malformed labels");
    if (name in labels) throw wrong("a label twice");
    labels[name] = value.replaceAll(/\\(.)/g, (_, char) => char === "n" ? "\n" : char);
  }
  return labels;
}

function numberOf(text: string, wrong: (why: string) => Error): number {
  const value = text === "+Inf" ? Infinity : Number(text);
  if (Number.isNaN(value)) throw wrong("no number");
  return value;
}

/** The buckets of each series grow, end with `+Inf`, and count as many as `_count` says. */
function checkHistogram({ name, samples }: ExposedFamily, format: string): void {
  const groups = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels));
  for (const [key, group] of groups) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels: { le = "" } }) => {
      if (format === "openmetrics" && !/^(?:\d+\.\d+|\+Inf)$/.test(le)) throw new Error(`le ${le}`);
      return le === "+Inf" ? Infinity : Number(le);
    });
    const counts = buckets.map(({ value }) => value);
    const count = group.find((sample) => sample.name === `${name}_count`)?.value;
    const sum = group.find((sample) => sample.name === `${name}_sum`)?.value;
    const isSorted = [bounds, counts].every((numbers) =>
      numbers.every((number, index) => index === 0 || number >= (numbers[index - 1] ?? NaN))
    );
    if (!isSorted || bounds.at(-1) !== Infinity || counts.at(-1) !== count || sum === undefined) {
      throw new Error(`the histogram ${name}${key} does not add up`);
    }
    for (const { labels: { le = "" }, exemplar } of buckets) {
      if (exemplar && exemplar.value > (le === "+Inf" ? Infinity : Number(le))) {
        throw new Error(`an exemplar of ${name} is in the wrong bucket`);
      }
    }
  }
}
