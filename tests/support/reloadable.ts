import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { BufferBudget } from "../../lib/core/buffer_budget.ts";
import { type Clock, systemClock } from "../../lib/core/clock.ts";
import { MemoryStore } from "../../lib/limiter/stores/memory_store.ts";
import { Generations } from "../../lib/process/generations.ts";
import { openHttpTransport } from "../../lib/transport/http.ts";
import type { FaultReport } from "../../lib/upstream/fault_log.ts";
import { Resources } from "../../lib/upstream/resources.ts";
import { buildGateway, type BuiltGateway } from "../../routes/gateway.ts";
import { openShared, type Shared } from "../../routes/shared.ts";
import { startServer } from "./server.ts";
import { testGuard } from "./test_guard.ts";

/** A gateway whose config a test reloads. */
export interface ReloadableGateway extends AsyncDisposable {
  readonly url: string;
  readonly gateways: Generations<BuiltGateway>;
  readonly shared: Shared;
  readonly errors: unknown[];
  readonly faults: FaultReport[];
  /** Resolves when the config is in use, as main.ts puts it into use. */
  readonly reload: (config: GatewayConfig) => Promise<void>;
}

/** Starts the gateway of a config on loopback, without the files and signals of a process. */
export async function startReloadable(
  config: GatewayConfig,
  { clock = systemClock }: { clock?: Clock } = {},
): Promise<ReloadableGateway> {
  const errors: unknown[] = [];
  const faults: FaultReport[] = [];
  const onError = (error: unknown) => errors.push(error);
  const transport = openHttpTransport(clock);
  const closing = new AsyncDisposableStack();
  const resources = new Resources({ clock, lingerMs: 100, onError });
  const deps = {
    clock,
    random: Math.random,
    http: transport.source,
    resources,
    buffers: new BufferBudget(2 ** 30),
    store: testGuard({ clock }),
    buckets: new MemoryStore(clock),
    operatorTokens: [],
    logAudit() {},
    isHosted: false,
    logAccess() {},
    logError: onError,
    logFault: (report: FaultReport) => faults.push(report),
  };
  const shared = openShared(parseConfig(config, () => undefined), { ...deps, closing });
  const gateways = new Generations<BuiltGateway>({ clock, backgroundMs: 1_000, onError });
  const reload = (config: GatewayConfig) =>
    gateways.replace(async (ending) => {
      const settings = parseConfig(config, () => undefined);
      const gateway = buildGateway(settings, { ...deps, ...ending }, shared);
      await resources.openAtStart();
      return gateway;
    });
  await reload(config);
  const server = startServer((request, { remoteAddr: { hostname }, completed }) =>
    gateways.current.fetch(request, { remoteAddress: hostname, scheme: "http", completed })
  );
  return {
    url: server.url,
    gateways,
    shared,
    errors,
    faults,
    reload,
    async [Symbol.asyncDispose]() {
      using _transport = transport;
      await server[Symbol.asyncDispose]();
      await gateways.close(AbortSignal.timeout(1_000));
      await closing.disposeAsync();
    },
  };
}
