// deno-lint-ignore-file no-console -- its output is its purpose
import { StartError } from "../../../lib/core/start_error.ts";
import { assignCores, has, MissingError } from "../lab.ts";
import { describeMachine } from "../machine.ts";
import { startUpstreams } from "../upstreams.ts";
import { readReport, writeReport } from "./docs.ts";
import { DOCUMENTS } from "./gateways.ts";
import { curveMarkdown } from "./markdown.ts";
import { measureCurve } from "./measure_curve.ts";
import { HELP, type Options, readOptions } from "./options.ts";
import { type MeasuredCurve, withCurves } from "./report.ts";

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
  const measured = options.redraw ? [] : await measureAll(options);
  if (options.docs === undefined) return;
  await writeReport(options.docs, withCurves(await readReport(options.docs), measured));
}

async function measureAll({ curves, rounds, seconds, warmUp }: Options): Promise<MeasuredCurve[]> {
  if (!await has("wrk", "--version")) {
    throw new MissingError("wrk is not installed: nothing to measure with");
  }
  const begun = performance.now();
  const cores = await assignCores();
  await using closing = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "bench-curves-" });
  closing.defer(() => Deno.remove(folder, { recursive: true }));
  const lab = await startUpstreams(folder, cores.pinLoad, closing, DOCUMENTS);
  const machine = await describeMachine();
  const measured: MeasuredCurve[] = [];
  for (const curve of curves) {
    console.log(`\n${curve.name}: ${curve.does}\n`);
    const one: MeasuredCurve = {
      name: curve.name,
      date: new Date().toISOString().slice(0, 10),
      command: ["deno task bench:curves", ...Deno.args].join(" "),
      machine,
      deno: Deno.version.deno,
      rounds,
      seconds,
      lines: await measureCurve(curve, { rounds, seconds, warmUp, lab, cores }),
    };
    console.log(curveMarkdown(one).split("\n").filter((line) => !line.startsWith("!")).join("\n"));
    measured.push(one);
  }
  console.log(`\nmeasured in ${Math.round((performance.now() - begun) / 1000)} s`);
  return measured;
}
