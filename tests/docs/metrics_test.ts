import { assert, assertEquals } from "@std/assert";
import { METRIC_NAMES, METRICS } from "../../lib/observe/metrics/metric_table.ts";
import { parseExposition } from "../support/exposition.ts";
import { startMeasured } from "../support/measured.ts";
import { readSnippets } from "../support/snippets.ts";

const FILE = "docs/observe.md";
const document = await Deno.readTextFile(new URL(`../../${FILE}`, import.meta.url));
const chapter = document.split("\n## Metrics\n")[1]?.split("\n## ")[0] ?? "";
const snippets = await readSnippets(FILE);

Deno.test("docs/observe.md lists every metric, with its type, labels and meaning", () => {
  const rows = chapter.split("\n").filter((line) => line.startsWith("| `")).map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );
  const expected = METRIC_NAMES.map((name) => {
    const { type, labels, help } = METRICS[name];
    return [`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(", "), help];
  });
  assertEquals(rows, expected);
});

Deno.test("the metrics that docs/observe.md shows are there after its request", async () => {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  const config = snippets.find(({ language }) => language === "ts")?.text ?? "";
  await Deno.writeTextFile(file, config);
  const { default: shown } = await import(`file://${file}`).finally(() => Deno.remove(file));
  await using gateway = startMeasured(shown);
  await gateway.send("/home/7");
  const key = ({ name, labels, value }: { name: string; labels: object; value: number }) =>
    JSON.stringify([name, labels, value]);
  const samples = (await gateway.scrape()).flatMap((family) => family.samples).map(key);
  const text = /```text\n([\s\S]*?)```/.exec(chapter)?.[1] ?? "";
  const lines = text.trimEnd().split("\n");
  assert(lines.length > 3);
  for (const line of lines) {
    const [, name = "", labels, value] = /^(\w+)(\{.*\}) (.*)$/.exec(line) ?? [];
    // A histogram's count alone is no histogram.
    const alone = `# HELP x x\n# TYPE x gauge\nx${labels} ${value}\n`;
    const [sample] = parseExposition(alone, "text").flatMap((family) => family.samples);
    assert(sample && samples.includes(key({ ...sample, name })), line);
  }
});
