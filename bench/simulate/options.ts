import { parseArgs } from "node:util";
import { suggest } from "../../lib/config/suggest.ts";
import { bucketShape } from "../../lib/limiter/bucket.ts";
import { StartError } from "../../lib/core/start_error.ts";
import { DEFAULT_SCENARIOS } from "./default_scenarios.ts";
import { DEFAULT_SCENARIO, type Scenario, SHAPES, SPREADS } from "./scenario.ts";

interface Flag {
  readonly is: string;
  /** @throws {StartError} when the text is none of its values */
  readonly read: (text: string, name: string) => Partial<Scenario>;
}

/** Each flag sets one property of the scenario. */
const FLAGS: Readonly<Record<string, Flag>> = {
  shape: oneOf("how clients send requests", SHAPES, (shape) => ({ shape })),
  spread: oneOf("how requests are spread over processes", SPREADS, (spread) => ({ spread })),
  processes: count("number of processes", (processes) => ({ processes })),
  requests: count("number of requests", (requests) => ({ requests })),
  clients: count("number of clients", (clients) => ({ clients })),
  rate: count("tokens per second", (rate) => ({ rate })),
  burst: count("tokens in a full bucket", (burst) => ({ burst })),
  load: above0("what a client requests, as a share of the rate", (load) => ({ load })),
  latency: ms("latency to the store one way (ms)", (latencyMs) => ({ latencyMs })),
  jitter: share("share by which the latency varies", (jitter) => ({ jitter })),
  capacity: above0("commits per second that the store can do", (capacity) => ({ capacity })),
  failing: share("share of calls to the store that fail", (failing) => ({ failing })),
  hanging: share("share of calls that never reply, and did nothing", (hanging) => ({ hanging })),
  losing: share("share of calls that never reply, but did their work", (losing) => ({ losing })),
  "max-writes": count("buckets per commit", (maxWrites) => ({ maxWrites })),
  concurrency: count("concurrent commits per process", (concurrency) => ({ concurrency })),
  skew: whole("clock skew that the limiter allows for (ms)", 0, (skewMs) => ({ skewMs })),
  apart: whole("clock skew that there is (ms)", 0, (apartMs) => ({ apartMs })),
  timeout: above0("timeout of a call to the store (ms)", (timeoutMs) => ({ timeoutMs })),
  "on-failure": oneOf(
    "decision without the store",
    ["closed", "local", "open"] as const,
    (onStoreFailure) => ({ onStoreFailure }),
  ),
  seed: whole("seed; the same seed gives the same run", 0, (seed) => ({ seed })),
};

/** What `--help` says. */
export const HELP = [
  "usage: deno task simulate [--FLAG VALUE[,VALUE…]]…",
  "",
  "Simulates rate limiting on a virtual clock: the limiter's own code with generated traffic.",
  "Without flags it runs a set of scenarios; with flags, one per combination of their values.",
  "",
  ...Object.entries(FLAGS).map(([name, { is }]) => `  ${`--${name}`.padEnd(14)}${is}`),
].join("\n");

/**
 * The scenarios of the command line; undefined for `--help`.
 * @throws {StartError} for a flag that does not exist, or a value that it cannot have
 */
export function readScenarios(args: string[]): readonly Scenario[] | undefined {
  const { tokens } = parseArgs({
    args,
    options: Object.fromEntries(Object.keys(FLAGS).map((name) => [name, { type: "string" }])),
    strict: false,
    tokens: true,
  });
  let scenarios: readonly Scenario[] = [DEFAULT_SCENARIO];
  let isHelp = false;
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") throw new StartError(`unexpected argument "${token.value}"`);
    if (token.name === "help") {
      isHelp = true;
      continue;
    }
    const { name, rawName, value } = token;
    const flag = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined;
    if (!flag) {
      throw new StartError(`there is no flag ${rawName}${suggest(name, Object.keys(FLAGS))}`);
    }
    if (value === undefined) throw new StartError(`--${name} needs a value: ${flag.is}`);
    const values = value.split(",").map((text) => flag.read(text, name));
    scenarios = scenarios.flatMap((scenario) => values.map((one) => ({ ...scenario, ...one })));
  }
  if (isHelp) return undefined;
  if (args.length === 0) return DEFAULT_SCENARIOS;
  for (const scenario of scenarios) check(scenario);
  return scenarios;
}

/** @throws {StartError} when values do not go together */
function check(scenario: Scenario): void {
  const { rate, burst, latencyMs, jitter, timeoutMs, skewMs, apartMs } = scenario;
  try {
    bucketShape(rate, 1_000, burst);
  } catch (error) {
    if (error instanceof RangeError) throw new StartError(error.message);
    throw error;
  }
  if (apartMs > skewMs) {
    throw new StartError(`--apart ${apartMs} is more than --skew ${skewMs} allows`);
  }
  const most = 2 * latencyMs * (1 + jitter);
  if (most >= timeoutMs) {
    throw new StartError(`--timeout ${timeoutMs} is too short: the store may take ${most} ms`);
  }
}

type Set<T> = (value: T) => Partial<Scenario>;

function oneOf<T extends string>(is: string, values: readonly T[], set: Set<T>): Flag {
  return {
    is: `${is}: ${values.join(", ")}`,
    read(text, name) {
      const value = values.find((known) => known === text);
      if (value === undefined) {
        throw new StartError(
          `--${name} must be one of ${values.join(", ")}; got "${text}"${suggest(text, values)}`,
        );
      }
      return set(value);
    },
  };
}

function count(is: string, set: Set<number>): Flag {
  return whole(is, 1, set);
}

function whole(is: string, least: number, set: Set<number>): Flag {
  const fits = (value: number) => value >= least && Number.isSafeInteger(value);
  return number(is, `a whole number of at least ${least}`, fits, set);
}

function above0(is: string, set: Set<number>): Flag {
  return number(is, "a number above 0", (value) => value > 0, set);
}

function ms(is: string, set: Set<number>): Flag {
  return number(is, "a number of at least 0", () => true, set);
}

function share(is: string, set: Set<number>): Flag {
  return number(is, "a number from 0 to 1", (value) => value <= 1, set);
}

function number(is: string, rule: string, fits: (value: number) => boolean, set: Set<number>) {
  return {
    is,
    read(text: string, name: string) {
      const value = Number(text);
      if (/^\d+(?:\.\d+)?$/.test(text) && fits(value)) return set(value);
      throw new StartError(`--${name} must be ${rule}; got "${text}"`);
    },
  };
}
