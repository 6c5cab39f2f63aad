import { delay } from "@std/async";
import { type Program, startProgram } from "../support/program.ts";
import { sendLoad } from "./load.ts";
import type { Measured, Phase, Results, Scenario, Side } from "./scenario.ts";
import { Upstreams } from "./upstreams.ts";

const SAMPLE_MS = 500;
/** When upstreams change, in a phase that says so: what the phase before has sent is answered then. */
const CHANGE_AFTER_MS = 200;
/** Without it the access log would fill the memory of this process. */
const LISTENING_ONLY = 'exec "$0" "$@" > >(grep --line-buffered "^listening")';

/** Runs both sides of a scenario at the same time, so that a slow moment of the machine meets both. */
export async function run(scenario: Scenario): Promise<Results> {
  const [off, on] = await Promise.all([
    runSide(scenario.off, scenario),
    runSide(scenario.on, scenario),
  ]);
  const phaseOf = (all: ReadonlyMap<string, Measured>) => (name: string) => {
    const measured = all.get(name);
    if (measured === undefined) throw new Error(`${scenario.name} has no phase ${name}`);
    return measured;
  };
  return { off: phaseOf(off), on: phaseOf(on) };
}

async function runSide(
  { config, path }: Side,
  { upstreams: first, phases }: Scenario,
): Promise<ReadonlyMap<string, Measured>> {
  await using upstreams = await Upstreams.start();
  const reports = Object.entries(await upstreams.tell(first));
  const urls = reports.map(([name, { port }]) => [name, `http://127.0.0.1:${port}`]);
  await using gateway = await startProgram({
    config: { store: ":memory:", ...config(Object.fromEntries(urls)) },
    shell: LISTENING_ONLY,
  });
  const ended: (() => Promise<[string, Measured]>)[] = [];
  for (const phase of phases) {
    const measure = await runPhase(phase, path, gateway, upstreams);
    ended.push(async () => [phase.name, await measure()]);
  }
  return new Map(await Promise.all(ended.map((measure) => measure())));
}

/** Resolves at the phase's end, while its last requests may still run. */
async function runPhase(
  { rate, seconds, change }: Phase,
  path: Side["path"],
  gateway: Program,
  upstreams: Upstreams,
): Promise<() => Promise<Measured>> {
  const before = await upstreams.tell();
  const changed = change && delay(CHANGE_AFTER_MS).then(() => upstreams.tell(change));
  const peaks: Record<string, number[]> = {};
  const end = new AbortController();
  const sampling = (async () => {
    while (!end.signal.aborted) {
      await delay(SAMPLE_MS, { signal: end.signal }).catch(() => {});
      for (const [name, { peak }] of Object.entries(await upstreams.tell())) {
        (peaks[name] ??= []).push(peak);
      }
    }
  })();
  const outcomes = await sendLoad({ url: (index) => gateway.url + path(index), rate, seconds });
  end.abort();
  await sampling;
  await changed;
  const calls = Object.entries(await upstreams.tell()).map(([name, report]) =>
    [name, report.calls - (before[name]?.calls ?? 0)] as const
  );
  return async () => ({ ...await outcomes(), seconds, peaks, calls: Object.fromEntries(calls) });
}
