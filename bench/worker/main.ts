/**
 * What other requests wait while one client has heavy work done: none, in a worker, and on the event
 * loop. One gateway process for all; the three take turns, so that the machine's moods hit each.
 */
const ROUNDS = 7;
const ROUND_MS = 1_500;

const gateway = new Deno.Command(Deno.execPath(), {
  args: [
    "run",
    "--allow-all",
    "main.ts",
    "--port",
    "0",
    "--config",
    "bench/worker/gateway.config.ts",
  ],
  cwd: new URL("../../", import.meta.url),
  stdout: "piped",
}).spawn();
const output = gateway.stdout.pipeThrough(new TextDecoderStream()).getReader();
const url = /http:\S+/.exec((await output.read()).value ?? "")?.[0];
if (url === undefined) throw new Error("the gateway does not listen");
const drained = drain();

const KINDS = ["nothing", "worker", "loop"] as const;
const tails = new Map<string, { p50: number; p99: number }[]>(KINDS.map((kind) => [kind, []]));
for (const kind of KINDS) await round(kind, 500);
for (let index = 0; index < ROUNDS; index++) {
  for (const kind of KINDS) tails.get(kind)?.push(await round(kind, ROUND_MS));
}
const medians = new Map(KINDS.map((kind) => [kind, {
  p50: median((tails.get(kind) ?? []).map(({ p50 }) => p50)),
  p99: median((tails.get(kind) ?? []).map(({ p99 }) => p99)),
}]));
const alone = medians.get("nothing") ?? { p50: NaN, p99: NaN };
for (const [kind, { p50, p99 }] of medians) {
  const times = `p50 ${p50.toFixed(2).padStart(7)} ms, p99 ${p99.toFixed(2).padStart(7)} ms`;
  const ratios = `${(p50 / alone.p50).toFixed(1)} and ${(p99 / alone.p99).toFixed(1)} times`;
  print(`beside ${kind.padEnd(8)} ${times}: ${ratios} what it is beside nothing`);
}

gateway.kill("SIGTERM");
await gateway.status;
await drained;
Deno.exit(0);

/** How long quick requests take while another client asks for `kind` again and again (ms). */
async function round(kind: string, ms: number): Promise<{ p50: number; p99: number }> {
  const end = performance.now() + ms;
  const heavy = kind === "nothing" ? undefined : askUntil(`${url}/${kind}`, end);
  const times = (await askUntil(`${url}/quick`, end)).toSorted((a, b) => a - b);
  await heavy;
  const at = (share: number) => times[Math.floor(times.length * share)] ?? NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

/** How long each answer took, one after the other (ms). */
async function askUntil(url: string, end: number): Promise<number[]> {
  const times: number[] = [];
  while (performance.now() < end) {
    const begun = performance.now();
    const response = await fetch(url);
    await response.text();
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    times.push(performance.now() - begun);
  }
  return times;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** Reads all output, so that the gateway never waits for a reader of its log. */
async function drain(): Promise<void> {
  while (!(await output.read()).done);
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}
