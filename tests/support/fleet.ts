import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { TestFolder } from "./program.ts";

/** The gateway's clock shows whole milliseconds. */
const CLOCK_GRAIN_MS = 2;
const PROCESSES = 3;
const CLIENTS_EACH = 4;
const KILL_AFTER_MS = 1_000;
/** How long the load goes on after the killed process has started again, however long that takes. */
const LOAD_AFTER_MS = 1_500;
const MOST_REQUESTS_EACH = 2_000;

const ROOT = new URL("../../", import.meta.url);

/** A bucket that all processes share. */
export interface Shape {
  readonly ratePerS: number;
  readonly burst: number;
}

function configOf({ ratePerS, burst }: Shape): string {
  return `
import { defineGateway, json } from "sluice";

export default defineGateway({
  upstreams: { api: { source: () => Promise.resolve(json({})) } },
  limits: { all: { rate: "${ratePerS}/s", burst: ${burst}, by: "all" } },
  routes: { "GET /a": { limit: "all", gather: { a: { from: "api" } } } },
});
`;
}

/**
 * Three processes on one store, asked all they can take; one of them is killed meanwhile and started
 * again. Fails when any window has more than the bucket allows, or when anybody starves.
 * @param env leads to the store; absent: to a file
 */
export async function keepTogether(
  shape: Shape,
  env?: Readonly<Record<string, string>>,
): Promise<void> {
  await using folder = await TestFolder.make({ "gateway.ts": configOf(shape) });
  const store = env ?? { GATEWAY_STORE: folder.file("gateway.kv") };
  const start = () => startProcess(folder.file("gateway.ts"), store);
  const processes = await Promise.all(Array.from({ length: PROCESSES }, start));
  try {
    const begun = performance.now();
    let end = Infinity;
    const clients = processes.flatMap((_, index) =>
      Array.from({ length: CLIENTS_EACH }, () => load(() => processes[index]?.url, () => end))
    );
    await delay(KILL_AFTER_MS);
    await processes[0]?.end("SIGKILL");
    processes[0] = await start();
    const restarted = performance.now();
    end = restarted + LOAD_AFTER_MS;
    const answers = await Promise.all(clients);

    const all = answers.flat();
    const statuses = new Set(all.map(({ status }) => status));
    assertEquals([...statuses].sort(), [200, 429]);

    const admitted = all.filter(({ status }) => status === 200);
    const worst = worstExcess(admitted, shape);
    assert(worst.excess <= 0, `too many were admitted: ${JSON.stringify(worst)}`);
    const whole = shape.burst + shape.ratePerS * (end - begun) / 1_000;
    assert(admitted.length > whole / 4, `only ${admitted.length} of ${whole} were admitted`);
    for (const [client, own] of answers.entries()) {
      const count = own.filter(({ status }) => status === 200).length;
      assert(count > 0, `client ${client} was never admitted, of ${own.length}`);
    }
    const again = answers.slice(0, CLIENTS_EACH).flat();
    assert(again.some(({ sentAt }) => sentAt > restarted), "the new process was not asked");

    for (const { url } of processes) assert(await isAdmitted(url), `${url} admits nobody any more`);
  } finally {
    await Promise.all(processes.map((process) => process.end("SIGTERM")));
  }
}

interface Answered {
  readonly status: number;
  readonly sentAt: number;
  readonly answeredAt: number;
}

/** One client: asks one request after another. What a killed process owed it is not counted. */
async function load(url: () => string | undefined, end: () => number): Promise<Answered[]> {
  const answers: Answered[] = [];
  for (let i = 0; i < MOST_REQUESTS_EACH && performance.now() < end(); i++) {
    const sentAt = performance.now();
    const status = await statusOf(url());
    if (status !== undefined) answers.push({ status, sentAt, answeredAt: performance.now() });
    await delay(status === undefined ? 10 : 2);
  }
  return answers;
}

/** Undefined when nobody answered. */
async function statusOf(url: string | undefined): Promise<number | undefined> {
  try {
    const response = await fetch(`${url}/a`, { signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    return response.status;
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/**
 * By how much the worst window is above the limit. A request was decided between being sent and
 * being answered, so that a window which holds both holds the decision.
 */
function worstExcess(admitted: readonly Answered[], { ratePerS, burst }: Shape) {
  const byAnswer = admitted.toSorted((a, b) => a.answeredAt - b.answeredAt);
  let worst = { excess: -Infinity, count: 0, ms: 0 };
  for (const { sentAt: begin } of admitted) {
    let count = 0;
    for (const { sentAt, answeredAt } of byAnswer) {
      if (sentAt < begin) continue;
      count++;
      const ms = answeredAt - begin;
      const excess = count - (burst + ratePerS * (ms + CLOCK_GRAIN_MS) / 1_000);
      if (excess > worst.excess) worst = { excess, count, ms };
    }
  }
  return worst;
}

/** Whether a request is admitted in the end. */
async function isAdmitted(url: string): Promise<boolean> {
  const end = performance.now() + 3_000;
  while (performance.now() < end) {
    const status = await statusOf(url);
    if (status === 200) return true;
    assertEquals(status, 429);
    await delay(50);
  }
  return false;
}

interface GatewayProcess {
  readonly url: string;
  /** Resolves when it has ended. */
  end(signal: Deno.Signal): Promise<void>;
}

/** Starts the program with that config. */
async function startProcess(
  config: string,
  env: Readonly<Record<string, string>>,
): Promise<GatewayProcess> {
  const main = new URL("main.ts", ROOT).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", main, "--config", config, "--port", "0"],
    cwd: ROOT,
    env: { ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const reading = (async () => {
    let text = "";
    // Read to the end: a full pipe would stop the process.
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      if (text.includes("\n")) continue;
      text += chunk;
      const url = /listening on (\S+)\n/.exec(text)?.[1];
      if (url !== undefined) resolve(url);
    }
    reject(new Error(`it ended before it listened: ${text}`));
  })();
  return {
    url: await promise,
    async end(signal) {
      try {
        child.kill(signal);
      } catch (error) {
        // It has ended already.
        if (!(error instanceof TypeError)) throw error;
      }
      await Promise.all([child.status, reading]);
    },
  };
}
