import type { Background } from "../lib/core/background.ts";
import type { CacheStore } from "../lib/cache/store.ts";
import type { Clock, Random } from "../lib/core/clock.ts";
import type { BufferBudget } from "../lib/core/buffer_budget.ts";
import type { BucketStore } from "../lib/limiter/stores/bucket_store.ts";
import type { Metrics } from "../lib/observe/metrics/metrics.ts";
import type { Tracing } from "../lib/observe/tracing.ts";
import type { Observer } from "../lib/observe/observer.ts";
import type { Traffic } from "../lib/observe/traffic.ts";
import type { OperatorToken } from "../lib/operator/operator_token.ts";
import type { Operator } from "../lib/operator/operator.ts";
import type { ReloadStatus } from "../lib/process/reloads.ts";
import type { Shutdown } from "../lib/process/shutdown.ts";
import type { Resources } from "../lib/upstream/resources.ts";
import type { SourcesDependencies } from "../lib/upstream/sources.ts";
import type { StoreGuard } from "../lib/store/store_guard.ts";
import type { HttpTransport } from "../lib/transport/http.ts";
import type { FaultReport } from "../lib/upstream/fault_log.ts";
import type { LogFacts } from "../lib/log/log_entry.ts";
import type { AuditEntry } from "./audit.ts";
import type { LoggedRequest } from "../middleware/logged_request.ts";

/** What a gateway depends on. main.ts opens the real ones, tests their own. */
export interface GatewayDependencies {
  readonly clock: Clock;
  /** Makes the Source of an HTTP API from its base URL without a trailing slash. */
  readonly http: HttpTransport["source"];
  /** Looks up the addresses of upstreams' host names; absent: the platform chooses one. */
  readonly lookUp?: HttpTransport["lookUp"];
  readonly background: Background;
  /** Bounds the buffered bodies of all requests together. */
  readonly buffers: BufferBudget;
  /** Disposed after the last request, the newest entry first. */
  readonly closing: AsyncDisposableStack;
  /** Begins when the gateway has to stop. */
  readonly shutdown: Shutdown;
  /** The resources that function sources opened. */
  readonly resources: Pick<Resources, "source" | "close">;
  /** Where token buckets are; used only when some route has a limit. */
  readonly buckets: BucketStore;
  /** Runtime clients and blocks; absent: no blocks, and only the clients of the config. */
  readonly operator?: Operator;
  readonly random: Random;
  /** The tier of the cache that processes share; absent: memory only. */
  readonly cacheStore?: CacheStore | undefined;
  /** The tokens for the operator API; none: it accepts only requests from loopback. */
  readonly operatorTokens: readonly OperatorToken[];
  /** Whether a platform (Deno Deploy) runs the gateway. */
  readonly isHosted: boolean;
  /** The config in use, and how reloads went; absent: the config is not reloaded. */
  readonly reloads?: { readonly status: ReloadStatus } | undefined;
  /** Guards every call of the store. */
  readonly store: StoreGuard;
  /** Logs each request after its response. */
  readonly logAccess: (request: LoggedRequest) => void;
  /** Logs a change by an operator, also one that was refused. */
  readonly logAudit: (entry: AuditEntry) => void;
  /** Logs an unexpected error: of a part of the gateway, or of a request. */
  readonly logError: (error: unknown, about: string | LogFacts) => void;
  /** Logs why an upstream fails, and that it responds again. */
  readonly logFault: (report: FaultReport) => void;
  /** Counts requests, calls and decisions, for `/_gateway/metrics`; absent: there are no metrics. */
  readonly metrics?: Metrics;
  /** Returns how many connections to upstreams are open, for metrics. */
  readonly connections?: HttpTransport["connections"];
  /** Who observes requests and calls (default: nobody, and nothing is recorded). */
  readonly observers?: readonly Observer[];
  /** Makes spans; undefined while OpenTelemetry is off. */
  readonly tracing?: Tracing | undefined;
  /** What the dashboard shows (default: nothing, and nothing is recorded for it). */
  readonly traffic?: Traffic;
  /** Set for a gateway that rehearses a request of another one. */
  readonly rehearsal?: {
    /** The other's name in `Via` and `Proxy-Status`. */
    readonly pseudonym: string;
    readonly policy: SourcesDependencies["attempted"];
  };
}
