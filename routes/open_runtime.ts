import { KvPurges } from "../lib/cache/kv_purges.ts";
import { KvTier } from "../lib/cache/kv_tier.ts";
import type { CacheStore } from "../lib/cache/store.ts";
import type { Settings } from "../lib/config/gateway.ts";
import { BufferBudget } from "../lib/core/buffer_budget.ts";
import type { Clock } from "../lib/core/clock.ts";
import { DEFAULTS } from "../lib/core/defaults.ts";
import { KvStore, LOCAL_KV, REMOTE_KV } from "../lib/limiter/stores/kv_store.ts";
import { MemoryStore } from "../lib/limiter/stores/memory_store.ts";
import type { Log } from "../lib/log/log.ts";
import type { LogFacts } from "../lib/log/log_entry.ts";
import type { MetricsExport } from "../lib/observe/metrics/open_meter.ts";
import { Metrics } from "../lib/observe/metrics/metrics.ts";
import { Registry } from "../lib/observe/metrics/registry.ts";
import type { Tracing } from "../lib/observe/tracing.ts";
import { Traffic } from "../lib/observe/traffic.ts";
import { kvOperator } from "../lib/operator/kv_operator.ts";
import type { OperatorToken } from "../lib/operator/operator_token.ts";
import type { Operator } from "../lib/operator/operator.ts";
import { defaultMaxBuffered } from "../lib/process/default_max_buffered.ts";
import { processFigures } from "../lib/process/process_figures.ts";
import { type OpenStore, openStore } from "../lib/store/open_store.ts";
import type { HttpTransport } from "../lib/transport/http.ts";
import type { FaultReport } from "../lib/upstream/fault_log.ts";
import { logFault } from "../lib/upstream/log_fault.ts";
import { Resources } from "../lib/upstream/resources.ts";
import type { LoggedRequest } from "../middleware/logged_request.ts";
import { type AuditEntry, logAudit } from "./audit.ts";
import type { GatewayDependencies } from "./dependencies.ts";
import { sharedFigures } from "./figures.ts";
import { openShared, type Shared, type SharedDependencies } from "./shared.ts";

/** What a runtime is opened with. */
export interface RuntimeOptions {
  readonly clock: Clock;
  /** Where the store is: a file, `:memory:` or a KV Connect URL; undefined for Deno KV's own default. */
  readonly location: string | undefined;
  /** How upstreams are called. The caller closes it. */
  readonly transport: HttpTransport;
  /** The tokens for the operator API; none: it accepts only requests from loopback. */
  readonly operatorTokens: readonly OperatorToken[];
  /** Whether a platform (Deno Deploy) runs the gateway. */
  readonly isHosted: boolean;
  readonly log: Log;
  readonly logAccess: (request: LoggedRequest) => void;
  /** How reloads go; absent: the config is not reloaded. */
  readonly reloads?: GatewayDependencies["reloads"];
  /** Where metrics and spans are exported; absent: nowhere. */
  readonly meter?: MetricsExport | undefined;
  readonly tracing?: Tracing | undefined;
}

/** What the gateways of a process share, one after another, and what they need besides their config. */
export interface Runtime {
  readonly deps: SharedDependencies;
  readonly shared: Shared;
  readonly resources: Resources;
  /** To be disposed after the last request. */
  readonly closing: AsyncDisposableStack;
}

/**
 * Opens all that a gateway needs besides its config: the store, and what lives in it.
 * @param settings the first config; what a reload cannot change is taken from it
 * @throws {StartError} if the store cannot be opened
 */
export async function openRuntime(settings: Settings, options: RuntimeOptions): Promise<Runtime> {
  const { clock, location, transport, isHosted, log, meter } = options;
  const logError = (error: unknown, about: string | LogFacts = "background") =>
    log.failure(error, about);
  // Other machines share a store over KV Connect, and always on Deno Deploy.
  const isShared = location?.startsWith("http") ?? isHosted;
  const backend = isShared ? REMOTE_KV : LOCAL_KV;
  const metrics = new Metrics(new Registry(meter && { mirror: meter.mirror }));
  meter?.start(metrics.registry);
  metrics.registry.readers.add(processFigures);
  // The newest is closed first.
  const closing = new AsyncDisposableStack();
  try {
    const store = closing.use(
      await openStore(location, {
        clock,
        random: Math.random,
        timeoutMs: backend.timeoutMs,
        log: (line, isLost) => log.write(isLost ? "error" : "info", `store: ${line}`),
        onCall: (kind, outcome, ms) => metrics.storeCalled(kind, outcome, ms),
      }),
    );
    const resources = new Resources({
      clock,
      lingerMs: DEFAULTS.lingerMs,
      onError: (error, upstream) => logError(error, `upstream ${upstream}`),
    });
    closing.defer(() => resources.close());
    const deps = {
      clock,
      random: Math.random,
      traffic: new Traffic(),
      http: transport.source,
      lookUp: transport.lookUp,
      connections: transport.connections,
      metrics,
      tracing: options.tracing,
      resources,
      reloads: options.reloads,
      buffers: new BufferBudget(settings.overload?.maxBuffered ?? await defaultMaxBuffered()),
      store: store.guard,
      operator: await openOperator(store, { clock, closing, logError }),
      buckets: store.isMemory ? new MemoryStore(clock) : new KvStore(store.kv, backend),
      cacheStore: store.isMemory ? undefined : openCacheStore(store, settings, { clock, closing }),
      operatorTokens: options.operatorTokens,
      isHosted,
      logAccess: options.logAccess,
      logError,
      logAudit: (entry: AuditEntry) => logAudit(log, entry),
      logFault: (report: FaultReport) => logFault(log, report),
      closing,
    };
    const shared = openShared(settings, deps);
    metrics.registry.readers.add(sharedFigures(shared, deps));
    return { deps, shared, resources, closing };
  } catch (error) {
    await closing.disposeAsync();
    throw error;
  }
}

/** Opens the operator, which follows the changes that other processes make in the store. */
async function openOperator(
  { kv, guard, isMemory }: OpenStore,
  { clock, closing, logError }: {
    readonly clock: Clock;
    readonly closing: AsyncDisposableStack;
    readonly logError: (error: unknown, about: string) => void;
  },
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
  { clock, closing }: { readonly clock: Clock; readonly closing: AsyncDisposableStack },
): CacheStore {
  const tier = new KvTier(kv, {
    maxBytes: cacheDisk,
    wall: () => clock.wall(),
    onError: (error) => guard.failed("write", error),
  });
  return { tier: closing.use(tier), purges: new KvPurges(kv) };
}
