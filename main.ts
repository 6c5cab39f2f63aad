import { abortable } from "@std/async";
import { Background } from "./lib/core/background.ts";
import { KvPurges } from "./lib/cache/kv_purges.ts";
import { KvTier } from "./lib/cache/kv_tier.ts";
import { BufferBudget } from "./lib/core/buffer_budget.ts";
import { systemClock as clock } from "./lib/core/clock.ts";
import { DEFAULTS } from "./lib/core/defaults.ts";
import { parseConfig } from "./lib/config/parse.ts";
import type { Settings } from "./lib/config/gateway.ts";
import { describe } from "./lib/upstream/describe.ts";
import { isStoreFile, openKv } from "./lib/store/open_kv.ts";
import { unlocked } from "./lib/store/kv_locked.ts";
import { KvStore, LOCAL_KV, REMOTE_KV } from "./lib/limiter/stores/kv_store.ts";
import { MemoryStore } from "./lib/limiter/stores/memory_store.ts";
import { kvOperator } from "./lib/operator/kv_operator.ts";
import { defaultMaxBuffered } from "./lib/process/default_max_buffered.ts";
import { type Options, readOptions } from "./lib/process/flags.ts";
import { listen } from "./lib/process/listen.ts";
import type { Listener } from "./lib/process/listener.ts";
import { openOutput } from "./lib/process/output.ts";
import { readConfig } from "./lib/process/read_config.ts";
import { redirectConsole } from "./lib/process/redirect_console.ts";
import { Shutdown } from "./lib/process/shutdown.ts";
import { stopSignal } from "./lib/process/stop_signal.ts";
import { Resources } from "./lib/upstream/resources.ts";
import { StartError } from "./lib/core/start_error.ts";
import { StoreFile } from "./lib/store/store_file.ts";
import { StoreGuard } from "./lib/store/store_guard.ts";
import { openHttpTransport } from "./lib/transport/http.ts";
import { jsonLine, readableLine } from "./middleware/access_line.ts";
import { faultLine } from "./lib/upstream/fault_log.ts";
import { createGateway } from "./routes/gateway.ts";

/** The record that probes the store. */
const PROBED = ["sluice", "ready"];
/** How long the probe's write is repeated on a locked file (ms): less than a call may take. */
const PROBE_LOCKED_MS = 200;
const STOP_SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGTERM"];
const DEFAULT_CONFIG = {
  name: "gateway.config.ts",
  url: new URL("gateway.config.ts", import.meta.url),
  // A literal import, so that Deno Deploy includes the module and --watch follows it.
  load: () => import("./gateway.config.ts"),
};

const output = openOutput(clock);

if (import.meta.main) {
  try {
    const options = readOptions(Deno.args, env);
    const { config, place } = await readConfig(options.config, DEFAULT_CONFIG);
    const settings = parseConfig(config, env, place);
    if (options.check) output.line(describe(settings));
    else await run(settings, options);
    await output.flush(options.check ? Infinity : DEFAULTS.flushMs);
    Deno.exit(0);
  } catch (error) {
    // Rethrown, it would only be logged: run() prevents unhandled rejections from ending the process.
    output.error(error instanceof StartError ? error.message : `the gateway failed: ${error}`);
    await output.flush(DEFAULTS.flushMs);
    // Here, not in a function: --watch does not notice an exit inside of one.
    Deno.exit(1);
  }
}

/** Runs the gateway until a signal stops it, then shuts down in order. */
async function run(settings: Settings, options: Options): Promise<void> {
  const store = options.store ?? settings.store;
  using kv = await openKv(store, clock);
  const file = await storeFile(store);
  const backend = isShared(store) ? REMOTE_KV : LOCAL_KV;
  const write = () => unlocked(() => kv.set(PROBED, clock.wall()), { boundMs: PROBE_LOCKED_MS });
  const guard = new StoreGuard({
    clock,
    random: Math.random,
    timeoutMs: backend.timeoutMs,
    read: () => kv.get(PROBED),
    ...(store !== ":memory:" && { write }),
    ...(file && { file: () => file.trouble() }),
    log: (line) => output.error(`store: ${line}`),
  });
  // Deno Deploy refuses plain TCP to port 443.
  const isTlsInOneStep = env("DENO_DEPLOYMENT_ID") !== undefined;
  // Never closed: Deno reports an error for each stream whose upstream closes before its client.
  const transport = openHttpTransport(clock, { isTlsInOneStep });
  const background = new Background({
    clock,
    taskTimeoutMs: DEFAULTS.backgroundMs,
    onError: (error) => logError(error),
  });
  const shutdown = new Shutdown(clock);
  // Closed after the last request, the newest first.
  const closing = new AsyncDisposableStack();
  const resources = new Resources({
    clock,
    lingerMs: DEFAULTS.lingerMs,
    onError: (error, upstream) => logError(error, `upstream ${upstream}`),
  });
  closing.defer(() => resources.close());
  // An unhandled rejection in a function source must not end every other request.
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    logError(event.reason);
  });
  // A write to a file at its size limit would kill the process; with a listener, the write fails.
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGXFSZ", () => {});
  if (!output.isTerminal) redirectConsole(output);
  const format = output.isTerminal ? readableLine : jsonLine;
  const operator = kvOperator(kv, {
    clock,
    guard,
    onError: (error) => logError(error, "operator"),
  });
  await operator.refresh();
  const following = new AbortController();
  // A store in memory changes only in this process.
  if (store !== ":memory:") {
    operator.follow(following.signal);
    guard.follow(following.signal);
  }
  closing.defer(() => following.abort());
  const tier = closing.use(
    new KvTier(kv, {
      maxBytes: settings.cacheDisk,
      wall: () => clock.wall(),
      onError: (error) => guard.failed("write", error),
    }),
  );
  const app = createGateway(settings, {
    clock,
    background,
    shutdown,
    buffers: new BufferBudget(settings.maxBuffered ?? await defaultMaxBuffered()),
    closing,
    resources,
    http: transport.source,
    buckets: store === ":memory:" ? new MemoryStore(clock) : new KvStore(kv, backend),
    operator,
    random: Math.random,
    ...(store === ":memory:" ? {} : { cacheStore: { tier, purges: new KvPurges(kv) } }),
    adminToken: env("GATEWAY_ADMIN_TOKEN"),
    isHosted: env("DENO_DEPLOYMENT_ID") !== undefined,
    store: guard,
    logAccess: (entry) => output.line(format(entry)),
    logError,
    logFault: (report) => logError(faultLine(report), `upstream ${report.upstream}`),
  });

  const scheme = env("DENO_DEPLOYMENT_ID") === undefined ? "http" : "https";
  const handler: Deno.ServeHandler<Deno.NetAddr> = (request, { remoteAddr, completed }) =>
    app.fetch(request, { remoteAddress: remoteAddr.hostname, scheme, completed });
  const stop = stopSignal(STOP_SIGNALS);
  let listener: Listener;
  try {
    await Promise.race([resources.openAtStart(), stop]);
    listener = listen({ ...options, handler, clock, output, onEnd: endWith });
  } catch (error) {
    await inTime(() => closing.disposeAsync());
    throw error;
  }
  await stop;

  shutdown.begin(DEFAULTS.stopAnswerMs);
  const isInTime = await inTime(async () => {
    const close = AbortSignal.timeout(DEFAULTS.stopCloseMs);
    // An endless stream must not prevent the rest from being closed in order.
    await abortable(listener.shutdown(), close).catch(() => {});
    await background.drain(close);
    await closing.disposeAsync();
  });
  const cutOff = shutdown.end();
  if (!isInTime || cutOff > 0) output.error("stopped before all work had finished");
}

/** Runs a shutdown within the grace period; resolves to whether it finished in time. */
async function inTime(end: () => Promise<void>): Promise<boolean> {
  const grace = AbortSignal.timeout(DEFAULTS.graceMs);
  return await abortable(end(), grace).then(() => true, () => false);
}

/** The store's file; undefined for a store that has none. */
async function storeFile(store: string | undefined): Promise<StoreFile | undefined> {
  return store !== undefined && isStoreFile(store) ? await StoreFile.at(store) : undefined;
}

/** Whether other machines share the store: over KV Connect, and always on Deno Deploy. */
function isShared(store: string | undefined): boolean {
  return store?.startsWith("http") ?? env("DENO_DEPLOYMENT_ID") !== undefined;
}

/** Exits with an error message. */
async function endWith(message: string): Promise<void> {
  output.error(message);
  await output.flush(DEFAULTS.flushMs);
  Deno.exit(1);
}

/** An environment variable; an empty one counts as unset. */
function env(name: string): string | undefined {
  return Deno.env.get(name) || undefined;
}

function logError(error: unknown, requestId?: string): void {
  output.error(`${requestId ?? "background"}: ${error instanceof Error ? error.stack : error}`);
}
