import { parseArgs } from "node:util";
import { StartError } from "../../../lib/core/start_error.ts";
import { type Contestant, CONTESTANTS } from "../contestants.ts";
import { choose, whole } from "../options.ts";

/** What is measured: a path, and how many calls a request of it makes. */
export interface Kind {
  readonly name: string;
  readonly path: string;
  readonly calls: number;
}

/** What to measure, and with how many requests. */
export interface Options {
  readonly contestants: readonly Contestant[];
  readonly kinds: readonly Kind[];
  readonly warmUp: number;
  readonly requests: number;
  /** How often requests are held in flight; the median counts. */
  readonly rounds: number;
}

/** The contestants of bench:http that run on Deno. */
const ON_DENO = CONTESTANTS.filter(({ name }) =>
  ["sluice", "sluice-uncached", "sluice-bare", "fetch"].includes(name)
);

const KINDS: readonly Kind[] = [
  { name: "fan-1", path: "/agg/1/1/", calls: 1 },
  { name: "fan-3", path: "/agg/3/1/", calls: 3 },
  { name: "fan-10", path: "/agg/10/1/", calls: 10 },
  { name: "forward", path: "/s1/p0.json?id=", calls: 1 },
];

/** What `--quick` measures unless other flags say otherwise: half a minute. */
const QUICK = {
  contestants: "sluice,fetch",
  workloads: "fan-3,forward",
  "warm-up": "1000",
  requests: "1000",
  rounds: "1",
} as const;

const FLAGS = {
  quick: { type: "boolean", is: "the main contestants and workloads, with fewer requests" },
  contestants: { type: "string", is: `of ${ON_DENO.map(({ name }) => name).join(", ")}` },
  workloads: { type: "string", is: `of ${KINDS.map(({ name }) => name).join(", ")}` },
  "warm-up": { type: "string", is: "requests before the first that counts; default 3000" },
  requests: { type: "string", is: "requests whose allocations are counted; default 2000" },
  rounds: { type: "string", is: "how often requests are held in flight; default 3" },
} as const;

/** What `--help` prints. */
export const HELP = [
  "usage: deno task bench:allocation [--quick] [--FLAG VALUE]…",
  "",
  "Measures the bytes that a request allocates, and holds in flight. Lists are separated by commas;",
  "the default is all.",
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
    contestants: choose("contestants", values.contestants, ON_DENO),
    kinds: choose("workloads", values.workloads, KINDS),
    warmUp: whole("warm-up", values["warm-up"] ?? "3000", 1_000_000),
    requests: whole("requests", values.requests ?? "2000", 1_000_000),
    rounds: whole("rounds", values.rounds ?? "3", 100),
  };
}

function readFlags(args: string[]) {
  try {
    return parseArgs({ args, options: { ...FLAGS, help: { type: "boolean" } } }).values;
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : error}\n${HELP}`);
  }
}
