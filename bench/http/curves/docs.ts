import { dirname } from "node:path";
import { replaceBetweenMarks } from "../report.ts";
import { drawChart } from "./chart.ts";
import { chartsOf } from "./charts.ts";
import { curveMarkdown } from "./markdown.ts";
import { type CurvesReport, parseReport } from "./report.ts";

/** The JSON beside a document: `curves.json`; the pictures are in `curves/`. */
export async function readReport(document: string): Promise<CurvesReport> {
  try {
    return parseReport(await Deno.readTextFile(`${dirname(document)}/curves.json`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { curves: [] };
    throw error;
  }
}

/**
 * Writes the JSON, the pictures, and each curve's figures between its marks of the document:
 * `<!-- curve:parts -->` and `<!-- /curve:parts -->`.
 * @throws {Error} when the document does not have the marks
 */
export async function writeReport(document: string, report: CurvesReport): Promise<void> {
  const folder = dirname(document);
  const json = `${folder}/curves.json`;
  const text = report.curves.reduce(
    (text, curve) => replaceBetweenMarks(text, curveMarkdown(curve), `curve:${curve.name}`),
    await Deno.readTextFile(document),
  );
  await Deno.mkdir(`${folder}/curves`, { recursive: true });
  for (const { file, chart } of report.curves.flatMap(chartsOf)) {
    await Deno.writeTextFile(`${folder}/curves/${file}`, drawChart(chart));
  }
  await Deno.writeTextFile(json, JSON.stringify(report, null, 2) + "\n");
  await Deno.writeTextFile(document, text);
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", document, json] }).output();
}
