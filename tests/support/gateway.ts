import { Background } from "../../lib/core/background.ts";
import type { CacheStore } from "../../lib/cache/store.ts";
import { type Clock, systemClock } from "../../lib/core/clock.ts";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import type { GatherRoute } from "../../lib/config/route.ts";
import type { Upstream } from "../../lib/config/upstream.ts";
import type { ConfigPlace } from "../../lib/config/named_files.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { BufferBudget } from "../../lib/core/buffer_budget.ts";
import type { Source } from "../../lib/core/source.ts";
import { MemoryStore } from "../../lib/limiter/stores/memory_store.ts";
import type { BucketStore } from "../../lib/limiter/stores/bucket_store.ts";
import type { Metrics } from "../../lib/observe/metrics/metrics.ts";
import type { Observer } from "../../lib/observe/observer.ts";
import type { Traffic } from "../../lib/observe/traffic.ts";
import type { OperatorToken } from "../../lib/operator/operator_token.ts";
import type { Operator } from "../../lib/operator/operator.ts";
import { Resources } from "../../lib/upstream/resources.ts";
import { configDigest } from "../../lib/process/config_digest.ts";
import { Reloads } from "../../lib/process/reloads.ts";
import { Shutdown } from "../../lib/process/shutdown.ts";
import { type HttpTransport, openHttpTransport } from "../../lib/transport/http.ts";
import type { FaultReport } from "../../lib/upstream/fault_log.ts";
import { loadConditions } from "../../lib/expression/condition.ts";
import { type AccessEntry, accessEntry } from "../../middleware/access_entry.ts";
import type { LoggedRequest } from "../../middleware/logged_request.ts";
import type { AuditEntry } from "../../routes/audit.ts";
import { sharedFigures } from "../../routes/figures.ts";
import { openShared } from "../../routes/shared.ts";
import { buildGateway } from "../../routes/gateway.ts";
import { endsInTime, startServer } from "./server.ts";
import { testGuard } from "./test_guard.ts";

await loadConditions();

/** `TRANSPORT=fetch deno task test` calls all upstreams through `fetch`. */
const TRANSPORT = Deno.env.get("TRANSPORT");

/** A gateway on a port of its own, for as long as a test holds it. */
export interface TestGateway extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly background: Background;
  readonly shutdown: Shutdown;
  readonly buffers: BufferBudget;
  /** How many requests have come, answered or not. */
  readonly arrived: number;
  /** How many calls over HTTP have a reply, or have failed. */
  readonly replies: number;
  /** What the access log was told. */
  readonly log: AccessEntry[];
  /** What went wrong inside. */
  readonly errors: unknown[];
  /** What operators changed, or tried to. */
  readonly audited: AuditEntry[];
  /** Why upstreams failed. */
  readonly faults: FaultReport[];
}

/** What a test may replace. */
export interface TestGatewayOptions {
  readonly clock?: Clock;
  readonly env?: Readonly<Record<string, string>>;
  readonly readStore?: () => Promise<unknown>;
  readonly buckets?: BucketStore;
  readonly cacheStore?: CacheStore;
  readonly operator?: Operator;
  readonly adminToken?: string;
  readonly operatorTokens?: readonly OperatorToken[];
  readonly observers?: readonly Observer[];
  readonly metrics?: Metrics;
  /** What the dashboard shows. */
  readonly traffic?: Traffic;
  readonly isHosted?: boolean;
  /** Looks up the upstreams' names; absent: they are not looked up. */
  readonly lookUp?: HttpTransport["lookUp"];
  /** Where the config stands; absent: nowhere. */
  readonly place?: ConfigPlace;
}

/** A config of which a test says only what matters to it. */
export interface TestConfig extends Partial<GatewayConfig> {
  /** The upstream that is called `up`: its URL, its function, or all its settings. */
  readonly upstream: string | Source | Upstream;
  /** The parts of `GET /`, in place of `routes`. */
  readonly gather?: GatherRoute["gather"];
  /** The deadline of `GET /`. */
  readonly deadline?: NonNullable<GatherRoute["deadline"]>;
}

/**
 * Starts a gateway before one upstream, `up`, whose routes are written out or are one gather.
 *
 * @example
 * await using gateway = gatewayFor({ upstream: upstream.url, gather: { it: { from: "up" } } });
 * await using other = gatewayFor({ upstream: source, routes: { "ANY /*": { forward: "up" } } });
 */
export function gatewayFor(config: TestConfig, options?: TestGatewayOptions): TestGateway {
  const { upstream, upstreams, gather, deadline, routes, ...rest } = config;
  const route = gather && { "GET /": { gather, ...(deadline && { deadline }) } };
  return startGateway({
    ...rest,
    upstreams: { up: upstreamOf(upstream), ...upstreams },
    routes: { ...route, ...routes },
  }, options);
}

function upstreamOf(upstream: TestConfig["upstream"]): Upstream {
  if (typeof upstream === "string") return { url: upstream };
  return typeof upstream === "function" ? { source: upstream } : upstream;
}

/** Starts the whole gateway on loopback, with a real transport. */
export function startGateway(config: GatewayConfig, options: TestGatewayOptions = {}): TestGateway {
  const { clock = systemClock, env = {}, readStore = () => Promise.resolve() } = options;
  const buckets = options.buckets ?? new MemoryStore(clock);
  const log: AccessEntry[] = [];
  const errors: unknown[] = [];
  const faults: FaultReport[] = [];
  const audited: AuditEntry[] = [];
  const transport = openHttpTransport(clock);
  let arrived = 0;
  let replies = 0;
  const http: HttpTransport["source"] = (base, kind, address, access) => {
    const source = transport.source(base, TRANSPORT === "fetch" ? "fetch" : kind, address, access);
    return async (call, context) => {
      try {
        return await source(call, context);
      } finally {
        replies++;
      }
    };
  };
  const background = new Background({
    clock,
    taskTimeoutMs: 1_000,
    onError: (error) => errors.push(error),
  });
  const shutdown = new Shutdown(clock);
  const closing = new AsyncDisposableStack();
  const resources = new Resources({
    clock,
    lingerMs: 1_000,
    onError: (error) => errors.push(error),
  });
  closing.defer(() => resources.close());
  const settings = parseConfig(config, (name) => env[name], options.place);
  const buffers = new BufferBudget(settings.overload?.maxBuffered ?? 256 * 1024 * 1024);
  const deps = {
    clock,
    buffers,
    background,
    shutdown,
    closing,
    resources,
    reloads: new Reloads({
      loaded: { settings, digest: configDigest(config) },
      load: () => Promise.reject(new Error("nothing to load")),
      clock,
      log: (text) => errors.push(text),
    }),
    http,
    ...(options.lookUp && { lookUp: options.lookUp }),
    store: testGuard({
      clock,
      read: readStore,
      log: (line) => errors.push(line),
      onCall: (kind, outcome, ms) => options.metrics?.storeCalled(kind, outcome, ms),
    }),
    buckets,
    random: Math.random,
    operatorTokens: options.operatorTokens ??
      (options.adminToken === undefined
        ? []
        : [{ name: "admin", role: "operate" as const, token: options.adminToken }]),
    logAudit: (entry: AuditEntry) => audited.push(entry),
    isHosted: options.isHosted ?? false,
    ...(options.operator && { operator: options.operator }),
    connections: transport.connections,
    ...(options.metrics && { metrics: options.metrics }),
    ...(options.observers && { observers: options.observers }),
    ...(options.traffic && { traffic: options.traffic }),
    ...(options.cacheStore && { cacheStore: options.cacheStore }),
    logAccess: (request: LoggedRequest) => log.push(accessEntry(request)),
    logError: (error: unknown) => errors.push(error),
    logFault: (report: FaultReport) => report.isRepeated || faults.push(report),
  };
  const shared = openShared(settings, deps);
  options.metrics?.registry.readers.add(sharedFigures(shared, deps));
  const app = buildGateway(settings, deps, shared);
  const server = startServer((request, { remoteAddr, completed }) => {
    arrived++;
    return app.fetch(request, { remoteAddress: remoteAddr.hostname, scheme: "http", completed });
  });
  return {
    url: server.url,
    port: server.port,
    background,
    shutdown,
    buffers,
    get arrived() {
      return arrived;
    },
    get replies() {
      return replies;
    },
    log,
    errors,
    audited,
    faults,
    async [Symbol.asyncDispose]() {
      using _transport = transport;
      await server[Symbol.asyncDispose]();
      await endsInTime([app.idle()]);
      await closing.disposeAsync();
    },
  };
}
