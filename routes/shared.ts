import { Admission } from "../lib/async/admission.ts";
import type { Load } from "../lib/async/overload.ts";
import { type OpenCache, openCache } from "../lib/cache/open_cache.ts";
import type { Settings } from "../lib/config/gateway.ts";
import { DEFAULTS } from "../lib/core/defaults.ts";
import { SharedUpstreams } from "../lib/upstream/shared_upstreams.ts";
import { LoginAttempts } from "../middleware/login_attempts.ts";
import { Sessions } from "../middleware/sessions.ts";
import type { GatewayDependencies } from "./dependencies.ts";
import { type Limits, openLimits } from "./limits.ts";

/** What it depends on: nothing that ends with a single gateway, for `closing` is that of the process. */
export type SharedDependencies = Omit<GatewayDependencies, "background" | "shutdown">;

/** What outlives a reload: the gateways of the old and of the new config share it. */
export interface Shared {
  readonly limits: Limits;
  readonly cache: OpenCache;
  /** The requests that wait for a turn of the event loop. */
  readonly queue: Admission;
  readonly load: Load;
  readonly upstreams: SharedUpstreams;
  /** The operator's browser sessions; undefined without a token. */
  readonly sessions: Sessions | undefined;
  readonly attempts: LoginAttempts;
}

/**
 * Opens what the gateways of a process share.
 * @param settings the first config; what a reload cannot change is taken from it
 */
export function openShared({ cacheMemory }: Settings, deps: SharedDependencies): Shared {
  const { clock, closing, cacheStore, store, operatorTokens } = deps;
  return {
    limits: openLimits(deps),
    cache: openCache({
      memoryBytes: cacheMemory,
      ...(cacheStore && { store: cacheStore }),
      clock,
      pseudonym: "sluice",
      guard: store,
      refreshMs: DEFAULTS.backgroundMs,
    }),
    queue: closing.use(new Admission(() => clock.monotonic())),
    load: { inFlight: 0 },
    upstreams: new SharedUpstreams(deps),
    sessions: operatorTokens.length === 0 ? undefined : new Sessions(operatorTokens, clock),
    attempts: new LoginAttempts(clock),
  };
}
