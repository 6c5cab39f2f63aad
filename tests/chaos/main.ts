// deno-lint-ignore-file no-console -- its output is its purpose
/**
 * Lets upstreams misbehave under steady load, before a gateway without resilience policies and one
 * with them, and fails when a promise is broken.
 *
 *     deno task test:chaos [--docs=FILE] [part of a scenario's name...]
 */
import { replaceBetweenMarks } from "../../bench/http/report.ts";
import { describeMachine } from "../../bench/http/machine.ts";
import { percentile } from "./load.ts";
import { markdownOf, type Report, textOf } from "./report.ts";
import { run } from "./run.ts";
import type { Results, Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios/mod.ts";

const DOCS = "--docs=";
const MAX_REPEATS = 2;

const docs = Deno.args.find((arg) => arg.startsWith(DOCS))?.slice(DOCS.length);
const sought = Deno.args.filter((arg) => !arg.startsWith("-"));
const chosen = SCENARIOS.filter(({ name }) =>
  sought.length === 0 || sought.some((part) => name.includes(part))
);
const reports: Report[] = [];
const broken: string[] = [];
for (const scenario of chosen) {
  try {
    const results = await runWhenHealthy(scenario);
    const report = { scenario, results, verdicts: scenario.promises(results) };
    console.log(textOf(report));
    reports.push(report);
    for (const { promise, isKept, found } of report.verdicts) {
      if (!isKept) broken.push(`${scenario.name}: ${promise}; measured ${found}`);
    }
  } catch (error) {
    broken.push(`${scenario.name}: it did not run: ${error}`);
  }
}
if (docs !== undefined) await writeDocs(docs);
const count = reports.flatMap(({ verdicts }) => verdicts).length;
console.log(`${chosen.length} scenarios, ${count} promises, ${broken.length} broken`);
for (const reason of broken) console.error(`BROKEN: ${reason}`);
Deno.exit(broken.length > 0 || chosen.length === 0 ? 1 : 0);

/** Repeats a scenario, twice at most, if the machine was too busy even while all upstreams were well. */
async function runWhenHealthy(scenario: Scenario): Promise<Results> {
  for (let repeats = 0;; repeats++) {
    const results = await run(scenario);
    if (repeats === MAX_REPEATS || wasHealthy(scenario, results)) return results;
    console.log(`${scenario.name}: the machine was too busy; once more\n`);
  }
}

function wasHealthy({ phases }: Scenario, { off, on }: Results): boolean {
  if (!phases.some(({ name }) => name === "healthy")) return true;
  return [off("healthy"), on("healthy")].every((it) =>
    it.complete >= 0.99 * it.requests && percentile(it, 0.99) <= 5 * percentile(it, 0.5)
  );
}

async function writeDocs(file: string): Promise<void> {
  const date = new Date().toISOString().slice(0, 10);
  const text = [
    `Measured on ${date}, ${await describeMachine()}.`,
    ...reports.map(markdownOf),
  ].join("\n\n");
  const document = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, replaceBetweenMarks(document, text, "test:chaos"));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", file] }).output();
}
