import { delay } from "@std/async";
import { Child, freePort } from "../child.ts";
import type { Cores, Lab } from "../lab.ts";
import { takeTurn, type Turn } from "../measure.ts";
import { summarize } from "../summary.ts";
import { verify } from "../verify.ts";
import type { Curve, LinePlan, Sample } from "./curves.ts";
import type { MeasuredCurve, Point } from "./report.ts";

/** For how long, and where. */
export interface Conditions {
  readonly rounds: number;
  /** How long each point is measured, all rounds together (s). */
  readonly seconds: number;
  readonly warmUp: number;
  readonly lab: Lab;
  readonly cores: Cores;
}

/** The connections from which on opening and closing them takes a while. */
const MANY_CONNECTIONS = 500;
/** With fewer requests in a turn, those that its end cuts off would count. */
const ENOUGH_REQUESTS = 50;
const LONGER = 4;
/** A fill is not worth more turns than that (s). */
const LONGEST_FILL = 10;

interface Job extends Sample {
  readonly x: number;
  readonly line: LinePlan;
  readonly child: Child;
  readonly turns: Turn[];
}

/** Measures every point of a curve in rounds, so that a slow moment affects no single point. */
export async function measureCurve(
  curve: Curve,
  conditions: Conditions,
): Promise<MeasuredCurve["lines"]> {
  const { rounds, seconds, cores } = conditions;
  await using closing = new AsyncDisposableStack();
  const children = new Map<string, Child>();
  for (const [name, gateway] of Object.entries(curve.gateways)) {
    const port = freePort();
    const program = await gateway(conditions.lab, port);
    children.set(name, closing.use(await Child.start(program, port, cores.pinContestant)));
  }
  const jobs = curve.xs.flatMap((x) =>
    curve.lines.map((line): Job => {
      const sample = line.at(x);
      const child = children.get(sample.gateway);
      if (!child) throw new Error(`${curve.name}: no gateway ${sample.gateway}`);
      return { ...sample, x, line, child, turns: [] };
    })
  );
  const warm = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    for (const job of jobs) {
      if (round === 0) await prepare(job, conditions, warm);
      job.turns.push(await turn(job, seconds / rounds, cores));
    }
  }
  return curve.lines.map(({ name }) => ({
    name,
    points: jobs.filter(({ line }) => line.name === name).map(pointOf),
  }));
}

/** Checks the response, and warms up what has not run yet. */
async function prepare(
  job: Job,
  { warmUp, cores }: Conditions,
  warm: Set<string>,
): Promise<void> {
  await verify(job.child.port, job.workload);
  const key = `${job.gateway} ${job.line.name}`;
  if (!warm.has(key)) await send(job, warmUp, cores);
  warm.add(key);
  let left = job.fill ?? 0;
  for (let seconds = 0; left > 0 && seconds < LONGEST_FILL; seconds++) {
    left -= (await send(job, 1, cores)).perSecond;
  }
}

/** One turn; once more, for longer, where a point is so slow that the turn's end would count. */
async function turn(job: Job, seconds: number, cores: Cores): Promise<Turn> {
  const result = await send(job, seconds, cores);
  if (result.perSecond * seconds >= ENOUGH_REQUESTS) return result;
  return await send(job, seconds * LONGER, cores);
}

async function send(
  { child, workload, connections }: Job,
  seconds: number,
  cores: Cores,
): Promise<Turn> {
  const whole = Math.max(1, Math.round(seconds)) + Math.floor(connections / MANY_CONNECTIONS);
  const result = await takeTurn(child, workload, { connections, seconds: whole, cores });
  if (connections >= MANY_CONNECTIONS) await delay(1_000); // for the requests that were cut off
  return result;
}

function pointOf({ x, turns }: Job): Point {
  const row = summarize("", 0, turns, undefined);
  return {
    x,
    perSecond: finite(row.perSecond),
    cpuMicros: finite(row.cpuMicros),
    spread: [finite(row.spread[0]), finite(row.spread[1])],
    p50Ms: row.perSecond > 0 ? finite(row.p50Ms) : null,
    p99Ms: row.perSecond > 0 ? finite(row.p99Ms) : null,
    rssMb: Math.round(Math.min(...turns.map(({ rssMb }) => rssMb))), // of the first round
    wrong: row.wrong,
    ...(row.otherShare !== undefined && { otherShare: finite(row.otherShare) ?? 0 }),
  };
}

/** Four digits, as far as there is a figure. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : null;
}
