import { parseArgs } from "node:util";
import { StartError } from "../../../lib/core/start_error.ts";
import { choose, whole } from "../options.ts";
import { type Curve, CURVES } from "./curves.ts";

/** What to measure, and for how long. */
export interface Options {
  readonly curves: readonly Curve[];
  /** How long each point is measured, in turns of a second or more (s). */
  readonly seconds: number;
  readonly rounds: number;
  /** How long each gateway is warmed up for a line (s). */
  readonly warmUp: number;
  /** The document whose curves to replace, with its JSON and pictures. */
  readonly docs: string | undefined;
  /** Whether to draw what the JSON has, and measure nothing. */
  readonly redraw: boolean;
}

const FLAGS = {
  curves: { type: "string", is: `of ${CURVES.map(({ name }) => name).join(", ")}` },
  seconds: { type: "string", is: "how long each point is measured, in two turns; default 2" },
  "warm-up": { type: "string", is: "seconds for each gateway and line; default 3" },
  docs: {
    type: "string",
    is: "FILE in which to replace the curves; FOLDER/curves.json and SVGs beside it",
  },
  redraw: { type: "boolean", is: "measures nothing, draws what the JSON beside --docs has" },
} as const;

/** What `--help` prints. */
export const HELP = [
  "usage: deno task bench:curves [--FLAG VALUE]…",
  "",
  "Measures Sluice, and the fetch gateway where it can, while one quantity grows: parts, bodies,",
  "connections, routes, clients. Takes about 6 minutes.",
  "",
  ...Object.entries(FLAGS).map(([name, { is }]) => `  ${`--${name}`.padEnd(16)}${is}`),
].join("\n");

/**
 * Reads the command line; undefined for `--help`.
 * @throws {StartError} for an unknown flag or name, or a number out of range
 */
export function readOptions(args: string[]): Options | undefined {
  const values = readFlags(args);
  if (values.help) return undefined;
  if (values.redraw && values.docs === undefined) throw new StartError("--redraw needs --docs");
  const seconds = whole("seconds", values.seconds ?? "2", 60);
  return {
    curves: choose("curves", values.curves, CURVES),
    seconds,
    rounds: Math.min(2, seconds),
    warmUp: whole("warm-up", values["warm-up"] ?? "3", 60),
    docs: values.docs,
    redraw: values.redraw ?? false,
  };
}

function readFlags(args: string[]) {
  try {
    return parseArgs({ args, options: { ...FLAGS, help: { type: "boolean" } } }).values;
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : error}\n${HELP}`);
  }
}
