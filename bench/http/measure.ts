import type { Child } from "./child.ts";
import { benchFile, type Cores } from "./lab.ts";
import { busySeconds, usageOf } from "./proc.ts";
import type { Workload } from "./workloads.ts";
import { parseWrk, type WrkReport } from "./wrk.ts";

/** One turn of one contestant. */
export interface Turn {
  readonly perSecond: number;
  /** CPU time of the contestant and its children for each request (µs); NaN without any. */
  readonly cpuMicros: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly rssMb: number;
  /** Responses with another status than expected, and connections that failed. */
  readonly wrong: number;
  /** How much of the contestant's core other processes used, 0 to 1; undefined when not pinned. */
  readonly otherShare?: number;
}

/** Sends one workload to a contestant for some seconds. */
export async function takeTurn(
  child: Child,
  workload: Workload,
  { connections, seconds, cores }: { connections: number; seconds: number; cores: Cores },
): Promise<Turn> {
  const core = cores.contestant;
  const busyBefore = core === undefined ? 0 : await busySeconds(core);
  const before = await usageOf(child.pid);
  const begun = performance.now();
  const report = await runWrk(child.port, workload, { connections, seconds, cores });
  const elapsed = (performance.now() - begun) / 1000;
  const after = await usageOf(child.pid);
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
  return {
    perSecond: report.perSecond,
    cpuMicros: report.requests === 0 ? NaN : cpuSeconds / report.requests * 1e6,
    p50Ms: report.p50Ms,
    p99Ms: report.p99Ms,
    rssMb: after.rssMb,
    wrong: wrongIn(report, workload),
    ...(core !== undefined && {
      otherShare: Math.max(0, (await busySeconds(core) - busyBefore - cpuSeconds) / elapsed),
    }),
  };
}

/** How many requests did not get the response that the workload is about. */
export function wrongIn(report: WrkReport, { status }: Workload): number {
  const refused = status === "2xx" ? report.not2xx : report.requests - report.not2xx;
  return refused + report.socketErrors;
}

async function runWrk(
  port: number,
  { path, documents, clients, headers }: Workload,
  { connections, seconds, cores }: { connections: number; seconds: number; cores: Cores },
): Promise<WrkReport> {
  const [before, after] = path;
  const { command, args } = cores.pinLoad({
    command: "wrk",
    args: [
      ...["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "--timeout", "5s"],
      ...["-s", benchFile("requests.lua"), `http://127.0.0.1:${port}`],
      ...["--", before, after, String(documents ?? 0), String(clients ?? 0), headerLines(headers)],
    ],
  });
  const { stdout } = await new Deno.Command(command, { args: [...args] }).output();
  return parseWrk(new TextDecoder().decode(stdout));
}

function headerLines(headers: Workload["headers"] = {}): string {
  return Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
}
