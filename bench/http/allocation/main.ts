// deno-lint-ignore-file no-console -- its output is its purpose
import { delay } from "@std/async";
import { StartError } from "../../../lib/core/start_error.ts";
import { textTable } from "../../simulate/text_table.ts";
import { kilobyteOfJson } from "../../parts.ts";
import { Child, freePort } from "../child.ts";
import type { Contestant } from "../contestants.ts";
import { benchFile, type Lab } from "../lab.ts";
import { median } from "../summary.ts";
import { GatedUpstream } from "./gated_upstream.ts";
import { HELP, type Kind, type Options, readOptions } from "./options.ts";
import type { Memory } from "./probe.ts";

/**
 * What a request allocates, and what it holds while its upstreams take their time: two figures that
 * a busy machine does not change. For the contestants of bench:http that run on Deno.
 */
const CONCURRENCY = 64;
/** Calls that wait at once: few enough to arrive before the first times out after 2 s. */
const CALLS_IN_FLIGHT = 500;

await using upstream = new GatedUpstream(kilobyteOfJson("part"));
const { port } = upstream;
let sent = 0;
try {
  const options = readOptions(Deno.args);
  if (!options) console.log(HELP);
  else await run(options);
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  console.error(error.message);
  Deno.exitCode = 1;
}

async function run(options: Options): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "bench-allocation-" });
  const lab: Lab = { folder, upstreams: [port, port, port], slowUpstream: port };
  try {
    for (const kind of options.kinds) {
      const rows: Record<string, string>[] = [];
      for (const contestant of options.contestants) {
        rows.push(await measure(contestant, kind, lab, options));
      }
      console.log(`\n${kind.name}, per request`);
      console.log(textTable(rows));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function measure(
  contestant: Contestant,
  { path, calls }: Kind,
  lab: Lab,
  { warmUp, requests, rounds }: Options,
): Promise<Record<string, string>> {
  const [port, probePort] = [freePort(), freePort()];
  const { command, args: [run = "", ...args], cwd } = await contestant.program(lab, port);
  const preload = ["--v8-flags=--expose-gc", "--preload", benchFile("allocation/probe.ts")];
  await using _child = await Child.start({
    command,
    args: [run, "--allow-env", ...preload, ...args],
    ...(cwd !== undefined && { cwd }),
    env: { MEMORY_PROBE_PORT: String(probePort) },
  }, port);
  const url = `http://127.0.0.1:${port}${path}`;
  const probe = async (): Promise<Memory> =>
    await (await fetch(`http://127.0.0.1:${probePort}/`)).json();

  await sendAll(url, warmUp, CONCURRENCY);
  const [first, before] = [await probe(), await probe()];
  await sendAll(url, requests, CONCURRENCY);
  const after = await probe();
  const ofProbe = before.allocated - first.allocated;
  const allocated = (after.allocated - before.allocated - ofProbe) / requests;

  const inFlight = Math.floor(CALLS_IN_FLIGHT / calls);
  const hold = { requests: inFlight, calls: inFlight * calls };
  await whileHeld(url, hold, probe); // opens the connections, which are not counted
  const alive: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const idle = await probe();
    const held = await whileHeld(url, hold, probe);
    alive.push((held.alive - idle.alive) / inFlight);
  }
  return {
    "": contestant.name,
    "KB allocated": kilobytes(allocated),
    "KB alive in flight": kilobytes(median(alive)),
  };
}

/** Runs `read` while all requests wait for all of their calls. */
async function whileHeld<T>(
  url: string,
  { requests, calls }: { requests: number; calls: number },
  read: () => Promise<T>,
): Promise<T> {
  upstream.close();
  const all = sendAll(url, requests, requests);
  try {
    while (upstream.waiting < calls) await Promise.race([delay(5), all]);
    return await read();
  } finally {
    upstream.open();
    await all;
  }
}

/** Sends GET requests, each with an id of its own. */
async function sendAll(url: string, count: number, concurrency: number): Promise<void> {
  let left = count;
  await Promise.all(Array.from({ length: concurrency }, async () => {
    while (left-- > 0) {
      const response = await fetch(url + sent++);
      await response.bytes();
      if (response.status !== 200) throw new Error(`${url} responded ${response.status}`);
    }
  }));
}

function kilobytes(bytes: number): string {
  return (bytes / 1024).toFixed(1);
}
