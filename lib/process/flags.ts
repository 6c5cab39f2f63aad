import { parseArgs } from "node:util";
import { DEFAULTS } from "../core/defaults.ts";
import { parseDuration } from "../config/units.ts";
import type { Environment } from "../config/values.ts";
import { LEVELS, type LogLevel } from "../log/level.ts";
import type { LogFormat } from "../log/log_line.ts";
import { StartError } from "../core/start_error.ts";
import { SETTINGS } from "./usage.ts";

/** The options of the program, from its flags and environment. */
export interface Options {
  /** Whether to print the help, and exit. */
  readonly help: boolean;
  /** Whether to print the version, and exit. */
  readonly version: boolean;
  /** The config file; undefined for the one of the current folder. */
  readonly config: string | undefined;
  /** Whether a change of the config's files reloads it. */
  readonly watchConfig: boolean;
  /** 0 takes any free port. */
  readonly port: number;
  readonly host: string;
  /** Whether other processes may listen on the same port. */
  readonly reusePort: boolean;
  /** Overrides the config's `store`. */
  readonly store: string | undefined;
  /** Whether to check the config, print what it does, and exit. */
  readonly check: boolean;
  /** How long a stop waits for running requests (ms). */
  readonly graceMs: number;
  /** Whether to print the OpenAPI document of the config's routes, and exit. */
  readonly openapi: boolean;
  /** The least level of the lines that are logged. */
  readonly logLevel: LogLevel;
  /** How they are written; undefined: as text to a terminal, otherwise as JSON. */
  readonly logFormat: LogFormat | undefined;
}

const LOG_LEVELS: readonly LogLevel[] = [...LEVELS, "off"];
const LOG_FORMATS: readonly LogFormat[] = ["json", "text"];

/**
 * Reads the options. Flags override the environment, which overrides the defaults.
 * @throws {StartError} for an unknown flag, or an invalid port, grace, log level or log format
 */
export function readOptions(args: string[], env: Environment): Options {
  const flags = readFlags(args);
  const value = (flag: string, variable: string) => flags.value(flag) ?? env(variable);
  return {
    help: flags.has("help"),
    version: flags.has("version"),
    config: value("config", "GATEWAY_CONFIG"),
    watchConfig: flags.has("watch-config"),
    port: readPort(value("port", "PORT")),
    host: value("host", "HOST") ?? DEFAULTS.host,
    reusePort: flags.has("reuse-port"),
    store: env("GATEWAY_STORE"),
    check: flags.has("check"),
    graceMs: readGrace(env("GATEWAY_GRACE")),
    openapi: flags.has("openapi"),
    logLevel: choose("log level", LOG_LEVELS, value("log-level", "GATEWAY_LOG_LEVEL")) ??
      DEFAULTS.logLevel,
    logFormat: choose("log format", LOG_FORMATS, value("log-format", "GATEWAY_LOG_FORMAT")),
  };
}

/** The flags that were given. */
interface Flags {
  /** The value of a flag; undefined if it was not given. */
  value(flag: string): string | undefined;
  /** Whether a switch was given. */
  has(flag: string): boolean;
}

function readFlags(args: string[]): Flags {
  const flags = SETTINGS.flatMap(({ flag, value }) => flag === undefined ? [] : [[flag, value]]);
  const options = Object.fromEntries(
    flags.map(([flag, value]) => [flag, { type: value === undefined ? "boolean" : "string" }]),
  ) as Record<string, { readonly type: "boolean" | "string" }>;
  try {
    const { values } = parseArgs({ args, options });
    return {
      value(flag) {
        const value = values[flag];
        return typeof value === "string" ? value : undefined;
      },
      has: (flag) => values[flag] === true,
    };
  } catch (error) {
    throw new StartError(
      `${error instanceof Error ? error.message : error}; --help lists all flags`,
    );
  }
}

function readPort(text: string | undefined): number {
  if (text === undefined) return DEFAULTS.port;
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new StartError(`port: must be a whole number from 0 to 65535; got "${text}"`);
}

function readGrace(text: string | undefined): number {
  if (text === undefined) return DEFAULTS.graceMs;
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new StartError(`GATEWAY_GRACE: must be a duration such as 4s or 30s; got "${text}"`);
}

function choose<T extends string>(
  name: string,
  choices: readonly T[],
  text: string | undefined,
): T | undefined {
  if (text === undefined) return undefined;
  const chosen = choices.find((choice) => choice === text);
  if (chosen !== undefined) return chosen;
  throw new StartError(`${name}: must be one of ${choices.join(", ")}; got "${text}"`);
}
