// deno-lint-ignore-file no-console -- its output is its purpose
import { StartError } from "../../lib/core/start_error.ts";
import { judge } from "./judge.ts";
import { HELP, readScenarios } from "./options.ts";
import { LEGEND, reportRow } from "./report_row.ts";
import type { Scenario } from "./scenario.ts";
import { simulate } from "./simulate.ts";
import { textTable } from "./text_table.ts";

async function main(): Promise<number> {
  let scenarios: readonly Scenario[] | undefined;
  try {
    scenarios = readScenarios(Deno.args);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(error.message);
    return 1;
  }
  if (!scenarios) {
    console.log(HELP);
    return 0;
  }
  const rows = [];
  let holds = true;
  for (const scenario of scenarios) {
    const score = judge(scenario, await simulate(scenario));
    rows.push(reportRow(scenario, score));
    holds &&= score.excess === 0;
  }
  console.log(textTable(rows));
  console.log(`\n${LEGEND}`);
  return holds ? 0 : 1;
}

Deno.exit(await main());
