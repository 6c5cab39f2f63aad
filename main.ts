import { abortable } from "@std/async";
import { systemClock as clock } from "./lib/core/clock.ts";
import { DEFAULTS } from "./lib/core/defaults.ts";
import type { Settings } from "./lib/config/gateway.ts";
import type { Certificate } from "./lib/config/tls.ts";
import { writeJson } from "./lib/json/write_json.ts";
import { openApiDocument } from "./lib/openapi/openapi.ts";
import { describe } from "./lib/upstream/describe.ts";
import { openTracing } from "./lib/observe/tracing.ts";
import { ConfigFile, type LoadedConfig } from "./lib/process/config_file.ts";
import { consoleExport } from "./lib/process/console_export.ts";
import { type Options, readOptions } from "./lib/process/flags.ts";
import { environmentVariable as env } from "./lib/process/environment_variable.ts";
import { findConfig } from "./lib/process/find_config.ts";
import { Generations } from "./lib/process/generations.ts";
import { keepRunning } from "./lib/process/keep_running.ts";
import { keptSettings } from "./lib/process/kept_settings.ts";
import { listen } from "./lib/process/listen.ts";
import type { Listener } from "./lib/process/listener.ts";
import { openOutput } from "./lib/process/output.ts";
import { redirectConsole } from "./lib/process/redirect_console.ts";
import { readOperatorTokens } from "./lib/process/read_operator_tokens.ts";
import { onReloadSignal } from "./lib/process/reload_signal.ts";
import { Reloads } from "./lib/process/reloads.ts";
import { stopSignal } from "./lib/process/stop_signal.ts";
import { stopTimes } from "./lib/process/stop_times.ts";
import { helpText } from "./lib/process/usage.ts";
import { VERSION } from "./lib/process/version.ts";
import { watchFiles } from "./lib/process/watch_files.ts";
import { StartError } from "./lib/core/start_error.ts";
import { openMeter } from "./lib/observe/metrics/open_meter.ts";
import { openHttpTransport } from "./lib/transport/http.ts";
import { isWritten } from "./lib/log/level.ts";
import { Log } from "./lib/log/log.ts";
import type { LogFacts } from "./lib/log/log_entry.ts";
import { accessEntry, levelOf } from "./middleware/access_entry.ts";
import { jsonLine, readableLine } from "./middleware/access_line.ts";
import type { LoggedRequest } from "./middleware/logged_request.ts";
import { buildGateway, type BuiltGateway } from "./routes/gateway.ts";
import { OWN_PREFIX } from "./routes/own_routes.ts";
import { openRuntime } from "./routes/open_runtime.ts";
import { Served } from "./routes/served.ts";

const STOP_SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGTERM"];
const DEFAULT_CONFIG = {
  name: "gateway.config.ts",
  url: new URL("gateway.config.ts", import.meta.url),
  // A literal import, so that Deno Deploy includes the module and --watch follows it.
  load: () => import("./gateway.config.ts"),
};

const isHosted = env("DENO_DEPLOYMENT_ID") !== undefined;
const output = openOutput(clock, consoleExport(env));
let log = new Log({ clock, level: DEFAULTS.logLevel, write: output.log });

if (import.meta.main) {
  try {
    const options = readOptions(Deno.args, env);
    if (options.help || options.version) {
      output.line(options.help ? helpText() : VERSION);
      await output.flush(Infinity);
      Deno.exit(0);
    }
    const isPrinted = options.check || options.openapi;
    if (options.logFormat) output.useFormat(options.logFormat);
    log = new Log({ clock, level: options.logLevel, write: output.log });
    const config = new ConfigFile({
      file: options.config ?? findConfig(new URL("./", import.meta.url), isHosted),
      fallback: DEFAULT_CONFIG,
      env,
      isWatched: options.watchConfig && !isPrinted,
    });
    const loaded = await config.load();
    const { settings } = loaded;
    if (options.check) output.line(describe(settings));
    if (options.openapi) output.line(writeJson(openApiDocument(settings), 2) ?? "");
    if (!isPrinted) await run(config, loaded, options);
    await output.flush(isPrinted ? Infinity : DEFAULTS.flushMs);
    Deno.exit(0);
  } catch (error) {
    // Rethrown, it would only be logged: run() prevents unhandled rejections from ending the process.
    output.error(error instanceof StartError ? error.message : `the gateway failed: ${error}`);
    await output.flush(DEFAULTS.flushMs);
    // Here, not in a function: --watch does not notice an exit inside of one.
    Deno.exit(1);
  }
}

/** Runs the gateway until a signal stops it: opens what it needs, serves, and shuts down in order. */
async function run(config: ConfigFile, loaded: LoadedConfig, options: Options): Promise<void> {
  const { settings } = loaded;
  if (isHosted && settings.tls) {
    throw new StartError("tls must not be set on Deno Deploy, which serves HTTPS itself");
  }
  const operatorTokens = readOperatorTokens(env);
  const reloads = new Reloads({
    loaded,
    load: () => config.load(),
    clock,
    log: (level, text) => log.write(level, `config: ${text}`),
  });
  // From here on, because it ends a process that does not listen for it.
  if (!isHosted) onReloadSignal(() => reloads.reload());
  keepRunning(logError);
  // A console that is exported must stay the platform's own.
  if (!output.isTerminal && consoleExport(env) === "no") {
    redirectConsole(output, options.logLevel, clock);
  }
  // Never closed: Deno reports an error for each stream whose upstream closes before its client.
  const transport = openHttpTransport(clock, {
    isTlsInOneStep: isHosted, // Deno Deploy refuses plain TCP to port 443
  });
  const { deps, shared, resources, closing } = await openRuntime(settings, {
    clock,
    location: options.store ?? settings.store,
    transport,
    operatorTokens,
    isHosted,
    log,
    logAccess: (request) => logAccess(request, options),
    reloads,
    meter: await openMeter(),
    tracing: await openTracing(),
  });

  // The gateway of the config, and of earlier ones until their last requests have ended.
  const gateways = new Generations<BuiltGateway>({
    clock,
    backgroundMs: DEFAULTS.backgroundMs,
    onError: (error) => logError(error),
  });
  const use = ({ settings }: LoadedConfig) =>
    gateways.replace(async (ending) => {
      const gateway = buildGateway(settings, { ...deps, ...ending }, shared);
      await resources.openAtStart();
      return gateway;
    });
  const scheme = isHosted || settings.tls ? "https" : "http";
  const handler: Deno.ServeHandler<Deno.NetAddr> = (request, info) =>
    gateways.current.fetch(request, new Served(info, scheme));
  const { respondMs, closeMs, endMs } = stopTimes(options.graceMs);
  const close = async (cutOff: AbortSignal) => {
    await gateways.close(cutOff);
    await closing.disposeAsync();
  };
  const stop = stopSignal(STOP_SIGNALS);
  let listener: Listener | undefined;
  let { tls } = settings;
  try {
    await Promise.race([use(loaded), stop]);
    if (gateways.isOpen) {
      const access = operatorTokens.length === 0 ? "is open to this machine only" : "needs a token";
      log.write("info", `config: ${config.name}: ${counted(settings)}`);
      log.write("info", `store: ${options.store ?? settings.store ?? "Deno KV's default"}`);
      log.write("info", `operator: ${OWN_PREFIX}/ ${access}`);
      listener = listen({
        ...options,
        certificate: () => tls,
        handler,
        clock,
        output,
        log,
        onEnd: endWith,
      });
    }
  } catch (error) {
    await inTime(() => close(AbortSignal.timeout(closeMs)), endMs);
    throw error;
  }
  reloads.start(async (reloaded) => {
    await use(reloaded);
    if (tls && reloaded.settings.tls && isOther(tls, reloaded.settings.tls)) {
      tls = reloaded.settings.tls;
      listener?.replace();
    }
    const kept = keptSettings(settings, reloaded.settings, options);
    if (kept.length > 0) log.write("warn", `config: only a restart changes ${kept.join(", ")}`);
  });
  const watching = new AbortController();
  if (options.watchConfig && !isHosted) {
    const onChange = () => reloads.reload();
    watchFiles({ files: () => config.files, clock, onChange }, watching.signal);
  }
  await stop;

  watching.abort();
  reloads.stop();
  gateways.beginShutdown(respondMs);
  const isInTime = await inTime(async () => {
    // An endless stream must not prevent the rest from being closed in order.
    const cutOff = AbortSignal.timeout(closeMs);
    if (listener) await abortable(listener.shutdown(), cutOff).catch(() => {});
    // A WebSocket outlives its response.
    await abortable(gateways.idle(), cutOff).catch(() => {});
    await close(cutOff);
  }, endMs);
  const cutOff = gateways.end();
  if (!isInTime || cutOff > 0) log.write("warn", "stopped before all work had finished");
}

/** Runs a shutdown within the grace period; resolves to whether it finished in time. */
async function inTime(end: () => Promise<void>, graceMs: number): Promise<boolean> {
  const grace = AbortSignal.timeout(graceMs);
  return await abortable(end(), grace).then(() => true, () => false);
}

/** How many routes and upstreams a config has. */
function counted({ routes, upstreams }: Settings): string {
  const count = (what: string, { length }: readonly unknown[]) =>
    `${length} ${what}${length === 1 ? "" : "s"}`;
  return `${count("route", routes)}, ${count("upstream", upstreams)}`;
}

/** Exits with an error message. */
async function endWith(message: string): Promise<void> {
  log.write("error", message);
  await output.flush(DEFAULTS.flushMs);
  Deno.exit(1);
}

/** Whether a certificate has been renewed. */
function isOther(a: Certificate, b: Certificate): boolean {
  return a.cert !== b.cert || a.key !== b.key;
}

function logError(error: unknown, about: string | LogFacts = "background"): void {
  log.failure(error, about);
}

function logAccess(request: LoggedRequest, { logLevel }: Pick<Options, "logLevel">): void {
  const level = levelOf(request);
  if (!isWritten(level, logLevel)) return;
  const { format, isColoured } = output.lineStyle;
  const line = format === "json"
    ? jsonLine(request)
    : readableLine(accessEntry(request), isColoured);
  output.line(line, level);
}
