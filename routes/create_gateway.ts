import { abortable } from "@std/async";
import type { GatewayConfig, Settings } from "../lib/config/gateway.ts";
import { hasConditions } from "../lib/config/has_conditions.ts";
import { parseConfig } from "../lib/config/parse.ts";
import type { Environment } from "../lib/config/values.ts";
import { type Clock, systemClock } from "../lib/core/clock.ts";
import { DEFAULTS } from "../lib/core/defaults.ts";
import { isRecord } from "../lib/core/is_record.ts";
import { loadConditions } from "../lib/expression/condition.ts";
import { Log } from "../lib/log/log.ts";
import type { LogEntry } from "../lib/log/log_entry.ts";
import { configPlace } from "../lib/process/config_place.ts";
import { environmentVariable } from "../lib/process/environment_variable.ts";
import { Generations } from "../lib/process/generations.ts";
import { stopTimes } from "../lib/process/stop_times.ts";
import { type HttpTransport, openHttpTransport } from "../lib/transport/http.ts";
import { type AccessEntry, accessEntry } from "../middleware/access_entry.ts";
import type { Bindings } from "../middleware/bindings.ts";
import { buildGateway, type BuiltGateway } from "./gateway.ts";
import { openRuntime, type Runtime } from "./open_runtime.ts";
import { Served, type ServedInfo } from "./served.ts";

/** A line of an embedded gateway's log: what happened, or a request that has ended. */
export type GatewayLogEntry = LogEntry | AccessEntry;

/** Options of {@linkcode createGateway}; each has a default. */
export interface GatewayOptions {
  /**
   * Where buckets, clients and cached responses are: a file, `:memory:` or a KV Connect URL. A store
   * that processes share makes their limits one. Default: the config's `store`, else `:memory:`.
   */
  readonly store?: string;
  /** Looks up the variables that the config names as `{ env }`. Default: those of the process. */
  readonly env?: (name: string) => string | undefined;
  /** The folder of the files that the config names, with a slash at its end. Default: it can name none. */
  readonly folder?: URL;
  /**
   * The token of the operator's routes under `/_gateway/`. Default: none, so that they accept only
   * requests from this machine.
   */
  readonly adminToken?: string;
  /** Receives each line of the log. Default: nothing is logged. */
  readonly log?: (entry: GatewayLogEntry) => void;
  /** The clock. Default: the system's. */
  readonly clock?: Clock;
}

/** A gateway within a program. Disposing it closes it. */
export interface Gateway extends AsyncDisposable {
  /**
   * Responds to a request: a handler for `Deno.serve`, and for a Hono app's `mount`. The first request
   * waits for `ready`, and rejects as that does.
   * @param info what `Deno.serve` knows of the request. Without it, as in a test, the client's address
   * is unknown: such clients count as one, and none is trusted as a proxy or an operator.
   */
  readonly fetch: (request: Request, info?: unknown) => Promise<Response>;
  /** Resolves when the store is open, and the upstreams' `open` functions have resolved. */
  readonly ready: Promise<void>;
  /**
   * Closes it in order: requests in flight end, then what they used is closed. It can be called again.
   * @param graceMs how long requests may still take (default: 4,000 ms)
   */
  readonly close: (graceMs?: number) => Promise<void>;
}

/** An open gateway. */
interface Open extends Runtime {
  readonly generations: Generations<BuiltGateway>;
}

/** The address of a client that nobody knows (RFC 7239 section 6). */
const UNKNOWN = "unknown";
const COMPLETED = Promise.resolve();

/**
 * Creates a gateway within a program, from the same config as {@linkcode defineGateway} takes. It has
 * no effect on anything else in the process: it listens on no port, and to no signal.
 *
 * @throws {ConfigError} with every problem of the config. A config with CEL conditions is checked once
 * their library has been loaded: `ready` and `fetch` reject then.
 *
 * @example
 * ```ts
 * import { createGateway } from "sluice";
 *
 * await using gateway = createGateway({
 *   upstreams: { users: { url: "http://127.0.0.1:9001" } },
 *   routes: { "GET /home/:id": { gather: { user: { from: "users", path: "/users/{id}" } } } },
 * });
 * await using server = Deno.serve({ port: 0, onListen: () => {} }, gateway.fetch);
 * ```
 */
export function createGateway<
  Name extends string,
  LimitName extends string = never,
  AuthName extends string = never,
>(config: GatewayConfig<Name, LimitName, AuthName>, options: GatewayOptions = {}): Gateway {
  const { env = environmentVariable, folder } = options;
  const parse = () => parseConfig(config, env satisfies Environment, folder && configPlace(folder));
  return embed(hasConditions(config) ? loadConditions().then(parse) : parse(), options);
}

/**
 * Opens a gateway within a program.
 * @param transport how it calls upstreams; closed by the gateway
 */
export function embed(
  settings: Settings | Promise<Settings>,
  options: GatewayOptions,
  transport: HttpTransport = openHttpTransport(options.clock ?? systemClock),
): Gateway {
  const { clock = systemClock } = options;
  let built: BuiltGateway | undefined;
  let closed: Promise<void> | undefined;
  const opening = open(settings, options, transport).then((opened) => {
    built = opened.generations.current;
    return opened;
  });
  const ready = opening.then(() => {});
  // Each request reports it: nobody has to wait for it.
  ready.catch(() => {});
  const close = async (graceMs: number) => {
    using _transport = transport;
    const opened = await opening.catch(() => undefined);
    if (opened) await end(opened, graceMs, clock);
  };
  return {
    async fetch(request, info) {
      if (closed) throw new Error("the gateway is closed");
      const { fetch } = built ?? (await opening).generations.current;
      return await fetch(request, bindingsOf(request, info));
    },
    ready,
    close: (graceMs = DEFAULTS.graceMs) => closed ??= close(graceMs),
    [Symbol.asyncDispose]: () => closed ??= close(DEFAULTS.graceMs),
  };
}

async function open(
  reading: Settings | Promise<Settings>,
  { store, adminToken, log: write = () => {}, clock = systemClock }: GatewayOptions,
  transport: HttpTransport,
): Promise<Open> {
  const settings = await reading;
  const log = new Log({ clock, level: DEFAULTS.logLevel, write });
  const runtime = await openRuntime(settings, {
    clock,
    location: store ?? settings.store ?? ":memory:",
    transport,
    operatorTokens: adminToken === undefined
      ? []
      : [{ name: "admin", role: "operate", token: adminToken }],
    isHosted: false,
    log,
    logAccess: (request) => write(accessEntry(request)),
  });
  const { deps, shared, resources, closing } = runtime;
  const generations = new Generations<BuiltGateway>({
    clock,
    backgroundMs: DEFAULTS.backgroundMs,
    onError: (error) => log.failure(error, "background"),
  });
  try {
    await generations.replace(async (ending) => {
      const gateway = buildGateway(settings, { ...deps, ...ending }, shared);
      await resources.openAtStart();
      return gateway;
    });
  } catch (error) {
    await closing.disposeAsync();
    throw error;
  }
  return { ...runtime, generations };
}

/** Ends the requests in flight, then closes what they used. */
async function end({ generations, closing }: Open, graceMs: number, clock: Clock): Promise<void> {
  const { respondMs, closeMs } = stopTimes(graceMs);
  const [cutOff, hasEnded] = [new AbortController(), new AbortController()];
  clock.sleep(closeMs, hasEnded.signal, false).then(() => cutOff.abort(), () => {});
  generations.beginShutdown(respondMs);
  await abortable(generations.idle(), cutOff.signal).catch(() => {});
  await generations.close(cutOff.signal);
  generations.end();
  hasEnded.abort();
  await closing.disposeAsync();
}

function bindingsOf({ url }: Request, info: unknown): Bindings {
  const scheme = url.startsWith("https:") ? "https" : "http";
  if (isServedInfo(info)) return new Served(info, scheme);
  return { remoteAddress: UNKNOWN, scheme, completed: COMPLETED };
}

/** Whether it is what `Deno.serve` knows of a request; a Hono app passes it on as its environment. */
function isServedInfo(info: unknown): info is ServedInfo {
  return isRecord(info) && isRecord(info.remoteAddr) &&
    typeof info.remoteAddr.hostname === "string" && info.completed instanceof Promise;
}
