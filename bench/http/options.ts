import { parseArgs } from "node:util";
import { suggest } from "../../lib/config/suggest.ts";
import { StartError } from "../../lib/core/start_error.ts";
import { type Contestant, CONTESTANTS } from "./contestants.ts";
import { type Workload, WORKLOADS } from "./workloads.ts";

/** What to measure, and for how long. */
export interface Options {
  readonly contestants: readonly Contestant[];
  readonly workloads: readonly Workload[];
  readonly connections: readonly number[];
  /** How often each contestant takes its turn. */
  readonly rounds: number;
  /** How long a turn takes (s). */
  readonly seconds: number;
  /** How long a contestant is warmed up for each workload (s). */
  readonly warmUp: number;
  /** Where to write the figures as JSON. */
  readonly json: string | undefined;
  /** A document whose tables to replace. */
  readonly docs: string | undefined;
}

/** What `--quick` measures unless other flags say otherwise: less than five minutes. */
const QUICK = {
  contestants: CONTESTANTS.map(({ name }) => name).filter((name) => name !== "sluice-uncached")
    .join(),
  workloads: "fan-3,fan-10,slow,forward,forward-100k,hit",
  connections: "64",
  rounds: "2",
  seconds: "2",
  "warm-up": "4",
} as const;

const FLAGS = {
  quick: { type: "boolean", is: "the main workloads at 64 connections, in under 5 minutes" },
  contestants: { type: "string", is: `of ${CONTESTANTS.map(({ name }) => name).join(", ")}` },
  workloads: { type: "string", is: `of ${WORKLOADS.map(({ name }) => name).join(", ")}` },
  connections: { type: "string", is: "how many at once; default 1,64,256,2000" },
  rounds: { type: "string", is: "turns of each contestant; default 3" },
  seconds: {
    type: "string",
    is: "how long a turn takes, and 1 more for each 500 connections; default 3",
  },
  "warm-up": { type: "string", is: "seconds for each contestant and workload; default 6" },
  json: { type: "string", is: "FILE to write the figures to" },
  docs: { type: "string", is: "FILE in which to replace the tables" },
} as const;

/** How long a turn takes (s): opening many connections takes a while, in which none is served. */
export function turnSeconds({ seconds }: { seconds: number }, connections: number): number {
  return seconds + Math.floor(connections / 500);
}

/** What `--help` prints. */
export const HELP = [
  "usage: deno task bench:http [--quick] [--FLAG VALUE]…",
  "",
  "Measures Sluice and its peers over loopback. Lists are separated by commas; the default is all.",
  "",
  ...Object.entries(FLAGS).map(([name, { is }]) => `  ${`--${name}`.padEnd(16)}${is}`),
].join("\n");

/**
 * Reads the command line; undefined for `--help`.
 * @throws {StartError} for an unknown flag or name, or a number out of range
 */
export function readOptions(args: string[]): Options | undefined {
  const given = readFlags(args);
  if (given.help) return undefined;
  const values = given.quick ? { ...QUICK, ...given } : given;
  return {
    contestants: choose("contestants", values.contestants, CONTESTANTS),
    workloads: choose("workloads", values.workloads, WORKLOADS),
    connections: (values.connections ?? "1,64,256,2000").split(",")
      .map((text) => whole("connections", text, 10_000)),
    rounds: whole("rounds", values.rounds ?? "3", 100),
    seconds: whole("seconds", values.seconds ?? "3", 600),
    warmUp: whole("warm-up", values["warm-up"] ?? "6", 600),
    json: values.json,
    docs: values.docs,
  };
}

function readFlags(args: string[]) {
  try {
    return parseArgs({ args, options: { ...FLAGS, help: { type: "boolean" } } }).values;
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : error}\n${HELP}`);
  }
}

/**
 * Those of a list whose names a flag has, in the list's order; all without the flag.
 * @throws {StartError} for an unknown name
 */
export function choose<T extends { readonly name: string }>(
  flag: string,
  text: string | undefined,
  all: readonly T[],
): readonly T[] {
  if (text === undefined) return all;
  const names = text.split(",");
  for (const name of names) {
    if (all.some((one) => one.name === name)) continue;
    const known = all.map((one) => one.name);
    throw new StartError(
      `--${flag} must be of ${known.join(", ")}; got "${name}"${suggest(name, known)}`,
    );
  }
  return all.filter(({ name }) => names.includes(name));
}

/**
 * The whole number of a flag.
 * @throws {StartError} for anything else, and out of range
 */
export function whole(flag: string, text: string, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= most) return value;
  throw new StartError(`--${flag} must be a whole number from 1 to ${most}; got "${text}"`);
}
