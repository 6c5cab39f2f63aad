import { parseArgs } from "node:util";
import { DEFAULTS } from "../core/defaults.ts";
import type { Environment } from "../config/values.ts";
import { StartError } from "../core/start_error.ts";

const USAGE =
  "usage: main.ts [--config FILE] [--port N] [--host H] [--reuse-port] [--check] [--openapi]";

/** The options of the program, from its flags and environment. */
export interface Options {
  /** The config file; undefined for the `gateway.config.ts` beside main.ts. */
  readonly config: string | undefined;
  /** 0 takes any free port. */
  readonly port: number;
  readonly host: string;
  /** Whether other processes may listen on the same port. */
  readonly reusePort: boolean;
  /** Overrides the config's `store`. */
  readonly store: string | undefined;
  /** Whether to check the config, print what it does, and exit. */
  readonly check: boolean;
  /** Whether to print the OpenAPI document of the config's routes, and exit. */
  readonly openapi: boolean;
}

/**
 * Reads the options. Flags override the environment, which overrides the defaults.
 * @throws {StartError} for an unknown flag or an invalid port
 */
export function readOptions(args: string[], env: Environment): Options {
  const flags = readFlags(args);
  return {
    config: flags.config ?? env("GATEWAY_CONFIG"),
    port: readPort(flags.port ?? env("PORT")),
    host: flags.host ?? env("HOST") ?? DEFAULTS.host,
    reusePort: flags["reuse-port"],
    store: env("GATEWAY_STORE"),
    check: flags.check,
    openapi: flags.openapi,
  };
}

function readFlags(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        config: { type: "string" },
        port: { type: "string" },
        host: { type: "string" },
        "reuse-port": { type: "boolean", default: false },
        check: { type: "boolean", default: false },
        openapi: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : error}\n${USAGE}`);
  }
}

function readPort(text: string | undefined): number {
  if (text === undefined) return DEFAULTS.port;
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new StartError(`port: must be a whole number from 0 to 65535; got "${text}"`);
}
