import { abortable } from "@std/async";
import { KvPurges } from "./lib/cache/kv_purges.ts";
import { KvTier } from "./lib/cache/kv_tier.ts";
import type { CacheStore } from "./lib/cache/store.ts";
import { BufferBudget } from "./lib/core/buffer_budget.ts";
import { systemClock as clock } from "./lib/core/clock.ts";
import { Traffic } from "./lib/observe/traffic.ts";
import { DEFAULTS } from "./lib/core/defaults.ts";
import type { Settings } from "./lib/config/gateway.ts";
import type { Certificate } from "./lib/config/tls.ts";
import { writeJson } from "./lib/json/write_json.ts";
import { openApiDocument } from "./lib/openapi/openapi.ts";
import { describe } from "./lib/upstream/describe.ts";
import { KvStore, LOCAL_KV, REMOTE_KV } from "./lib/limiter/stores/kv_store.ts";
import { MemoryStore } from "./lib/limiter/stores/memory_store.ts";
import { openTracing } from "./lib/observe/tracing.ts";
import { kvOperator } from "./lib/operator/kv_operator.ts";
import type { Operator } from "./lib/operator/operator.ts";
import { ConfigFile, type LoadedConfig } from "./lib/process/config_file.ts";
import { consoleExport } from "./lib/process/console_export.ts";
import { defaultMaxBuffered } from "./lib/process/default_max_buffered.ts";
import { type Options, readOptions } from "./lib/process/flags.ts";
import { Generations } from "./lib/process/generations.ts";
import { keepRunning } from "./lib/process/keep_running.ts";
import { keptSettings } from "./lib/process/kept_settings.ts";
import { listen } from "./lib/process/listen.ts";
import type { Listener } from "./lib/process/listener.ts";
import { openOutput } from "./lib/process/output.ts";
import { redirectConsole } from "./lib/process/redirect_console.ts";
import { onReloadSignal } from "./lib/process/reload_signal.ts";
import { Reloads } from "./lib/process/reloads.ts";
import { stopSignal } from "./lib/process/stop_signal.ts";
import { stopTimes } from "./lib/process/stop_times.ts";
import { watchFiles } from "./lib/process/watch_files.ts";
import { Resources } from "./lib/upstream/resources.ts";
import { StartError } from "./lib/core/start_error.ts";
import { type OpenStore, openStore } from "./lib/store/open_store.ts";
import { openMeter } from "./lib/observe/metrics/open_meter.ts";
import { Registry } from "./lib/observe/metrics/registry.ts";
import { Metrics } from "./lib/observe/metrics/metrics.ts";
import { processFigures } from "./lib/process/process_figures.ts";
import { openHttpTransport } from "./lib/transport/http.ts";
import { isWritten } from "./lib/log/level.ts";
import { Log } from "./lib/log/log.ts";
import type { LogFacts } from "./lib/log/log_entry.ts";
import type { FaultReport } from "./lib/upstream/fault_log.ts";
import { logFault } from "./lib/upstream/log_fault.ts";
import { accessEntry, levelOf } from "./middleware/access_entry.ts";
import { jsonLine, readableLine } from "./middleware/access_line.ts";
import type { LoggedRequest } from "./middleware/logged_request.ts";
import { sharedFigures } from "./routes/figures.ts";
import { createGateway, type Gateway } from "./routes/gateway.ts";
import { Served } from "./routes/served.ts";
import { openShared } from "./routes/shared.ts";

const STOP_SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGTERM"];
const DEFAULT_CONFIG = {
  name: "gateway.config.ts",
  url: new URL("gateway.config.ts", import.meta.url),
  // A literal import, so that Deno Deploy includes the module and --watch follows it.
  load: () => import("./gateway.config.ts"),
};

const output = openOutput(clock, consoleExport(env));
let log = new Log({ clock, level: DEFAULTS.logLevel, write: output.log });

if (import.meta.main) {
  try {
    const options = readOptions(Deno.args, env);
    const isPrinted = options.check || options.openapi;
    if (options.logFormat) output.useFormat(options.logFormat);
    log = new Log({ clock, level: options.logLevel, write: output.log });
    const config = new ConfigFile({
      file: options.config,
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
  const isHosted = env("DENO_DEPLOYMENT_ID") !== undefined;
  if (isHosted && settings.tls) {
    throw new StartError("tls must not be set on Deno Deploy, which serves HTTPS itself");
  }
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
  const location = options.store ?? settings.store;
  // Other machines share a store over KV Connect, and always on Deno Deploy.
  const isShared = location?.startsWith("http") ?? isHosted;
  const backend = isShared ? REMOTE_KV : LOCAL_KV;
  const exported = await openMeter();
  const metrics = new Metrics(new Registry(exported && { mirror: exported.mirror }));
  exported?.start(metrics.registry);
  metrics.registry.readers.add(processFigures);
  using store = await openStore(location, {
    clock,
    random: Math.random,
    timeoutMs: backend.timeoutMs,
    log: (line, isLost) => log.write(isLost ? "error" : "info", `store: ${line}`),
    onCall: (kind, outcome, ms) => metrics.storeCalled(kind, outcome, ms),
  });
  // Never closed: Deno reports an error for each stream whose upstream closes before its client.
  const transport = openHttpTransport(clock, {
    isTlsInOneStep: isHosted, // Deno Deploy refuses plain TCP to port 443
  });
  // Closed after the last request, the newest first.
  const closing = new AsyncDisposableStack();
  const resources = new Resources({
    clock,
    lingerMs: DEFAULTS.lingerMs,
    onError: (error, upstream) => logError(error, `upstream ${upstream}`),
  });
  closing.defer(() => resources.close());
  const traffic = new Traffic();
  const deps = {
    clock,
    traffic,
    random: Math.random,
    http: transport.source,
    lookUp: transport.lookUp,
    connections: transport.connections,
    metrics,
    tracing: await openTracing(),
    resources,
    reloads,
    buffers: new BufferBudget(settings.overload?.maxBuffered ?? await defaultMaxBuffered()),
    store: store.guard,
    operator: await openOperator(store, closing),
    buckets: store.isMemory ? new MemoryStore(clock) : new KvStore(store.kv, backend),
    ...(!store.isMemory && { cacheStore: openCacheStore(store, settings, closing) }),
    adminToken: env("GATEWAY_ADMIN_TOKEN"),
    isHosted,
    logAccess: (request: LoggedRequest) => logAccess(request, options),
    logError,
    logFault: (report: FaultReport) => logFault(log, report),
  };
  const shared = openShared(settings, { ...deps, closing });
  metrics.registry.readers.add(sharedFigures(shared, deps));

  // The gateway of the config, and of earlier ones until their last requests have ended.
  const gateways = new Generations<Gateway>({
    clock,
    backgroundMs: DEFAULTS.backgroundMs,
    onError: (error) => logError(error),
  });
  const use = ({ settings }: LoadedConfig) =>
    gateways.replace(async (ending) => {
      const gateway = createGateway(settings, { ...deps, ...ending }, shared);
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

/** Opens the operator, which follows the changes that other processes make in the store. */
async function openOperator(
  { kv, guard, isMemory }: OpenStore,
  closing: AsyncDisposableStack,
): Promise<Operator> {
  const operator = kvOperator(kv, {
    clock,
    guard,
    onError: (error) => logError(error, "operator"),
  });
  await operator.refresh();
  if (isMemory) return operator;
  const following = new AbortController();
  operator.follow(following.signal);
  guard.follow(following.signal);
  closing.defer(() => following.abort());
  return operator;
}

/** Opens the tier of the cache that all processes on the store share. */
function openCacheStore(
  { kv, guard }: OpenStore,
  { cacheDisk }: Settings,
  closing: AsyncDisposableStack,
): CacheStore {
  const tier = new KvTier(kv, {
    maxBytes: cacheDisk,
    wall: () => clock.wall(),
    onError: (error) => guard.failed("write", error),
  });
  return { tier: closing.use(tier), purges: new KvPurges(kv) };
}

/** Runs a shutdown within the grace period; resolves to whether it finished in time. */
async function inTime(end: () => Promise<void>, graceMs: number): Promise<boolean> {
  const grace = AbortSignal.timeout(graceMs);
  return await abortable(end(), grace).then(() => true, () => false);
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

/** An environment variable; an empty one counts as unset. */
function env(name: string): string | undefined {
  return Deno.env.get(name) || undefined;
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
