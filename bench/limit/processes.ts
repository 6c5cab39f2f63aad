// deno-lint-ignore-file no-console -- its output is its purpose
import type { ProcessReport } from "./process.ts";

/** Several processes with one file and one busy key, beside one alone. */
const ROUNDS = 3;
const COUNTS = [1, 2, 4];
const MS = 2_000;
const PACE_PER_MS = 5;
/** A process starts within this time. */
const START_MS = 1_500;

async function measure(count: number, perMs: number): Promise<ProcessReport[]> {
  const folder = await Deno.makeTempDir();
  const begin = Date.now() + START_MS;
  const script = new URL("process.ts", import.meta.url).pathname;
  const times = [begin, begin + MS, perMs].map(String);
  const reports = await Promise.all(Array.from({ length: count }, async () => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", script, `${folder}/bench.kv`, ...times],
      stderr: "inherit",
    }).output();
    const report: ProcessReport = JSON.parse(new TextDecoder().decode(stdout));
    return report;
  }));
  await Deno.remove(folder, { recursive: true });
  return reports;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

function total(reports: readonly ProcessReport[] = []): number {
  return reports.reduce((sum, { decisions }) => sum + decisions, 0);
}

async function table(perMs: number): Promise<void> {
  const rounds: ProcessReport[][][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const reports: ProcessReport[][] = [];
    for (const count of COUNTS) reports.push(await measure(count, perMs));
    rounds.push(reports);
  }
  console.table(COUNTS.map((processes, index) => {
    const each = rounds.map((reports) => reports[index] ?? []);
    const all = each.flat();
    const ratio = rounds.map((reports) => total(reports[index]) / total(reports[0]));
    const share = each.map((reports) => {
      const decisions = reports.map(({ decisions }) => decisions);
      return Math.max(...decisions) / Math.min(...decisions);
    });
    return {
      processes,
      "decisions/s": Math.round(median(each.map(total)) / (MS / 1000)),
      "to one process": median(ratio).toFixed(2),
      "most to least": median(share).toFixed(2),
      "p99 ms": Math.max(...all.map(({ p99Ms }) => p99Ms)).toFixed(1),
      "slowest ms": Math.max(...all.map(({ slowestMs }) => slowestMs)).toFixed(1),
      errors: all.flatMap(({ errors }) => errors).length,
    };
  }));
  for (const error of new Set(rounds.flat(2).flatMap(({ errors }) => errors))) console.log(error);
}

console.log(`one key, one file, ${MS} ms; median of ${ROUNDS} rounds, ratios round by round`);
console.log(`each process sends ${PACE_PER_MS * 1000} requests a second`);
await table(PACE_PER_MS);
console.log("each process sends as fast as it can");
await table(Infinity);
