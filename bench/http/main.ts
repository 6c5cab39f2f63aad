// deno-lint-ignore-file no-console -- its output is its purpose
import { StartError } from "../../lib/core/start_error.ts";
import { textTable } from "../simulate/text_table.ts";
import { Child, freePort } from "./child.ts";
import type { Contestant } from "./contestants.ts";
import { assignCores, type Cores, has, type Lab, MissingError } from "./lab.ts";
import { describeMachine, versionsOf } from "./machine.ts";
import { takeTurn, type Turn } from "./measure.ts";
import { HELP, type Options, readOptions, turnSeconds } from "./options.ts";
import { usageOf } from "./proc.ts";
import {
  cellsOf,
  markdown,
  noiseOf,
  replaceBetweenMarks,
  type Report,
  type Skipped,
  titleOf,
} from "./report.ts";
import { summarize, type Table } from "./summary.ts";
import { startUpstreams } from "./upstreams.ts";
import { verify } from "./verify.ts";
import type { Workload } from "./workloads.ts";

/** A contestant that runs. */
interface Running extends Contestant {
  readonly child: Child;
  readonly idleMb: number;
}

/** What a short warm-up takes (s): at another number of connections, and for compiled programs. */
const SHORT_WARM_UP = 1;

try {
  const options = readOptions(Deno.args);
  if (!options) console.log(HELP);
  else await run(options);
} catch (error) {
  if (!(error instanceof StartError || error instanceof MissingError)) throw error;
  console.error(error.message);
  Deno.exit(1);
}

async function run(options: Options): Promise<void> {
  if (!await has("wrk", "--version")) {
    throw new MissingError("wrk is not installed: nothing to measure with");
  }
  const cores = await assignCores();
  await using closing = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "bench-http-" });
  closing.defer(() => Deno.remove(folder, { recursive: true }));
  const lab = await startUpstreams(folder, cores.pinLoad, closing);
  const { running, skipped } = await startAll(options, lab, cores, closing);
  const tables: Table[] = [];
  for (const workload of options.workloads) {
    const able = running.filter(({ workloads }) => workloads.test(workload.name));
    if (able.length === 0) continue;
    for (const [index, connections] of options.connections.entries()) {
      const warmUp = index === 0 ? options.warmUp : Math.min(SHORT_WARM_UP, options.warmUp);
      const turn = { ...options, seconds: turnSeconds(options, connections), warmUp, cores };
      const table = await compare(able, workload, connections, turn);
      print(table);
      tables.push(table);
    }
  }
  const noise = noiseOf(tables);
  if (noise) {
    const [median, most] = [noise.median, noise.most].map((share) => Math.round(share * 100));
    console.log(`\nothers used ${median} % of the contestants' core (at most ${most} %)`);
  }
  console.log(`${running.length} contestants measured, ${skipped.length} skipped`);
  await write(options, {
    date: new Date().toISOString().slice(0, 10),
    command: ["deno task bench:http", ...Deno.args].join(" "),
    machine: await describeMachine(),
    versions: await versionsOf(),
    isPinned: cores.contestant !== undefined,
    rounds: options.rounds,
    seconds: options.seconds,
    warmUp: options.warmUp,
    skipped,
    tables,
  }, running);
}

/** Starts every contestant that this machine has all for, and sees that each responds rightly. */
async function startAll(
  options: Options,
  lab: Lab,
  cores: Cores,
  closing: AsyncDisposableStack,
): Promise<{ running: Running[]; skipped: Skipped[] }> {
  const running: Running[] = [];
  const skipped: Skipped[] = [];
  for (const contestant of options.contestants) {
    const able = options.workloads.filter(({ name }) => contestant.workloads.test(name));
    if (able.length === 0) continue;
    try {
      const port = freePort();
      const program = await contestant.program(lab, port);
      const child = closing.use(await Child.start(program, port, cores.pinContestant));
      const idleMb = (await usageOf(child.pid)).rssMb;
      for (const workload of able) await verify(child.port, workload);
      running.push({ ...contestant, child, idleMb });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      skipped.push({ contestant: contestant.name, reason });
      console.log(`skipped: ${contestant.name} (${reason})`);
    }
  }
  return { running, skipped };
}

/** All contestants in turns, so that a slow moment of the machine meets them all. */
async function compare(
  running: readonly Running[],
  workload: Workload,
  connections: number,
  { rounds, seconds, warmUp, cores }: {
    rounds: number;
    seconds: number;
    warmUp: number;
    cores: Cores;
  },
): Promise<Table> {
  for (const { child, isCompiled } of running) {
    const warm = isCompiled ? Math.min(SHORT_WARM_UP, warmUp) : warmUp;
    const seconds = turnSeconds({ seconds: warm }, connections);
    await takeTurn(child, workload, { connections, seconds, cores });
  }
  const turns = new Map<string, Turn[]>(running.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, child } of running) {
      turns.get(name)?.push(await takeTurn(child, workload, { connections, seconds, cores }));
    }
  }
  const baseline = turns.get(workload.baseline);
  return {
    workload: workload.name,
    does: workload.does,
    connections,
    baseline: workload.baseline,
    rows: running.map(({ name, idleMb }) =>
      summarize(name, idleMb, turns.get(name) ?? [], baseline)
    ),
  };
}

function print(table: Table): void {
  console.log(`\n${titleOf(table)}`);
  console.log(textTable(table.rows.map((row) => cellsOf(row, table.baseline))));
}

async function write(
  options: Options,
  report: Report,
  running: readonly Contestant[],
): Promise<void> {
  if (options.json !== undefined) {
    await Deno.writeTextFile(options.json, JSON.stringify(report, null, 2) + "\n");
  }
  if (options.docs !== undefined) {
    const document = await Deno.readTextFile(options.docs);
    const text = replaceBetweenMarks(document, markdown(report, running));
    await Deno.writeTextFile(options.docs, text);
  }
  const written = [options.json, options.docs].flatMap((file) => file ?? []);
  if (written.length > 0) {
    await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", ...written] }).output();
  }
}
