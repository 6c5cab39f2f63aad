// deno-lint-ignore-file no-console -- as a program, it tells what it measured
import { startProgram } from "../tests/support/program.ts";
import { buildNpm } from "../tools/build_npm.ts";

/**
 * How long it takes from the start of a process to its first answer, for main.ts and for the least
 * that answers HTTP: `deno run -A bench/cold_start.ts [RUNS]`, 10 runs unless it says otherwise.
 * The programs take turns, so that whatever else the machine does meets them all.
 */
const MOST_RUNS = 100;

const config = { store: ":memory:", upstreams: {}, routes: {} };
const largeConfig = {
  store: ":memory:",
  upstreams: { it: { url: "http://127.0.0.1:9" } },
  routes: Object.fromEntries(
    Array.from({ length: 100 }, (_, index) => [
      `GET /route${index}/:id`,
      { gather: { a: { from: "it", path: "/{id}" }, b: { from: "it", path: "/{id}" } } },
    ]),
  ),
};

/** The package's own copy of the program, in a few files. */
const built = await Deno.makeTempDir({ prefix: "sluice-" });

const PROGRAMS = {
  "Deno.serve alone": { script: programPath("bare_serve.ts") },
  "Hono alone": { script: programPath("bare_hono.ts") },
  "main.ts, no route": { config },
  "main.ts, 100 routes": { config: largeConfig },
  "npm package, no route": { config, script: `${built}/dist/main.js` },
};

function programPath(name: string): string {
  return new URL(`./programs/${name}`, import.meta.url).pathname;
}

async function measure(options: Parameters<typeof startProgram>[0]): Promise<number> {
  const begun = performance.now();
  await using program = await startProgram(options);
  const response = await fetch(`${program.url}/_gateway/health/live`);
  await response.body?.cancel();
  if (response.status !== 200) throw new Error(`it answered ${response.status}`);
  return performance.now() - begun;
}

function median(sorted: readonly number[]): number {
  const middle = sorted.length / 2;
  const [low = 0, high = 0] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

async function main(): Promise<void> {
  const runs = Math.min(MOST_RUNS, Math.max(1, Math.trunc(Number(Deno.args[0] ?? 10)) || 10));
  const times = new Map<string, number[]>(Object.keys(PROGRAMS).map((name) => [name, []]));
  for (const options of Object.values(PROGRAMS)) await measure(options); // fills Deno's caches
  for (let run = 0; run < runs; run++) {
    for (const [name, options] of Object.entries(PROGRAMS)) {
      times.get(name)?.push(await measure(options));
    }
  }
  const baseline = median(times.get("Deno.serve alone")?.toSorted((a, b) => a - b) ?? []);
  console.log(`${runs} runs, ms from start to first answer`);
  console.log(`${"".padEnd(24)}     min  median     max   ratio`);
  for (const [name, unsorted] of times) {
    const sorted = unsorted.toSorted((a, b) => a - b);
    const middle = median(sorted);
    const figures = [sorted.at(0) ?? 0, middle, sorted.at(-1) ?? 0].map((ms) =>
      ms.toFixed(1).padStart(8)
    );
    console.log(
      `${name.padEnd(24)}${figures.join("")}${(middle / baseline).toFixed(2).padStart(8)}`,
    );
  }
}

if (import.meta.main) {
  await buildNpm(built);
  const unstable = ["kv", "no-legacy-abort", "net"];
  await Deno.writeTextFile(`${built}/deno.json`, JSON.stringify({ unstable }));
  await main();
  await Deno.remove(built, { recursive: true });
}
