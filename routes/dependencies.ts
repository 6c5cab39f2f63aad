import type { Background } from "../lib/core/background.ts";
import type { CacheStore } from "../lib/cache/store.ts";
import type { Clock, Random } from "../lib/core/clock.ts";
import type { BufferBudget } from "../lib/core/buffer_budget.ts";
import type { BucketStore } from "../lib/limiter/stores/bucket_store.ts";
import type { Operator } from "../lib/operator/operator.ts";
import type { Shutdown } from "../lib/process/shutdown.ts";
import type { Resources } from "../lib/upstream/resources.ts";
import type { StoreWatch } from "../lib/store/store_watch.ts";
import type { HttpTransport } from "../lib/transport/http.ts";
import type { FaultReport } from "../lib/upstream/fault_log.ts";
import type { AccessEntry } from "../middleware/access_log.ts";

/** What a gateway needs from outside. */
export interface GatewayDependencies {
  readonly clock: Clock;
  /** The Source of an HTTP API, by its base URL with no slash at the end. */
  readonly http: HttpTransport["source"];
  readonly background: Background;
  /** What the buffered bodies of all requests take together. */
  readonly buffers: BufferBudget;
  /** What is to end after the last request is put here; the newest ends first. */
  readonly closing: AsyncDisposableStack;
  /** Begins when the gateway is told to stop. */
  readonly shutdown: Shutdown;
  /** Holds what function sources keep open. */
  readonly resources: Resources;
  /** Where buckets are; asked only when some route has a limit. */
  readonly buckets: BucketStore;
  /** What the operator changes while the gateway runs; absent: nobody is banned, or known but by the config. */
  readonly operator?: Operator;
  readonly random: Random;
  /** What processes share of the cache; absent when each keeps for itself. */
  readonly cacheStore?: CacheStore;
  /** Shows who may use the operator's routes; undefined: whoever asks from this machine. */
  readonly adminToken: string | undefined;
  /** Whether a platform runs this: then nobody asks from this machine. */
  readonly isHosted: boolean;
  /** Knows whether the store can be used. */
  readonly store: Pick<StoreWatch, "check" | "failed" | "recovered">;
  /** Told of each request, once it was answered. */
  readonly logAccess: (entry: AccessEntry) => void;
  /** Told of what went wrong inside, and why. */
  readonly logError: (error: unknown, requestId: string) => void;
  /** Told why an upstream fails, and that it responds again. */
  readonly logFault: (report: FaultReport) => void;
}
