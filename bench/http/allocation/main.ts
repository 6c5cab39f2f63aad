// deno-lint-ignore-file no-console -- its output is its purpose
import { delay } from "@std/async";
import { textTable } from "../../simulate/text_table.ts";
import { kilobyteOfJson } from "../../parts.ts";
import { Child, freePort } from "../child.ts";
import { type Contestant, CONTESTANTS } from "../contestants.ts";
import { benchFile, type Lab } from "../lab.ts";
import { median } from "../summary.ts";
import { GatedUpstream } from "./gated_upstream.ts";
import type { Memory } from "./probe.ts";

/**
 * What a request allocates, and what it holds while its upstreams take their time: two figures that
 * a busy machine does not change. For the contestants of bench:http that run on Deno.
 */
const WARM_UP = 3_000;
const REQUESTS = 2_000;
const CONCURRENCY = 64;
/** Calls that wait at once: few enough to arrive before the first times out after 2 s. */
const CALLS_IN_FLIGHT = 500;
const ROUNDS = 3;
/** What is measured: a path, and how many calls a request of it makes. */
const KINDS: readonly (readonly [kind: string, path: string, calls: number])[] = [
  ["fan-1", "/agg/1/1/", 1],
  ["fan-3", "/agg/3/1/", 3],
  ["fan-10", "/agg/10/1/", 10],
  ["forward", "/s1/p0.json?id=", 1],
];
const ON_DENO = ["sluice", "sluice-uncached", "sluice-bare", "fetch"];

await using upstream = new GatedUpstream(kilobyteOfJson("part"));
const folder = await Deno.makeTempDir({ prefix: "bench-allocation-" });
const { port } = upstream;
const lab: Lab = { folder, upstreams: [port, port, port], slowUpstream: port };
let sent = 0;
try {
  for (const [kind, path, calls] of KINDS) {
    const rows: Record<string, string>[] = [];
    for (const contestant of CONTESTANTS) {
      if (ON_DENO.includes(contestant.name)) rows.push(await measure(contestant, path, calls));
    }
    console.log(`\n${kind}, per request`);
    console.log(textTable(rows));
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function measure(
  contestant: Contestant,
  path: string,
  calls: number,
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

  await sendAll(url, WARM_UP, CONCURRENCY);
  const [first, before] = [await probe(), await probe()];
  await sendAll(url, REQUESTS, CONCURRENCY);
  const after = await probe();
  const ofProbe = before.allocated - first.allocated;
  const allocated = (after.allocated - before.allocated - ofProbe) / REQUESTS;

  const inFlight = Math.floor(CALLS_IN_FLIGHT / calls);
  const hold = { requests: inFlight, calls: inFlight * calls };
  await whileHeld(url, hold, probe); // opens the connections, which are not counted
  const alive: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
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
