import type { OpenCache } from "../../lib/cache/open_cache.ts";
import type { Settings } from "../../lib/config/gateway.ts";
import type { Clock } from "../../lib/core/clock.ts";
import type { Traffic } from "../../lib/observe/traffic.ts";
import type { OperatorToken } from "../../lib/operator/operator_token.ts";
import type { Operator } from "../../lib/operator/operator.ts";
import type { Shutdown } from "../../lib/process/shutdown.ts";
import type { UpstreamStatus } from "../../lib/upstream/upstream_status.ts";
import type { LoginAttempts } from "../../middleware/login_attempts.ts";
import type { Sessions } from "../../middleware/sessions.ts";
import type { Exchange } from "../../middleware/exchange.ts";
import type { Limits } from "../limits.ts";

/** What the dashboard shows, and who may see it. */
export interface DashboardOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly traffic: Traffic;
  readonly upstreams: () => readonly UpstreamStatus[];
  readonly cache: OpenCache;
  readonly limits: Limits;
  readonly operator: Operator | undefined;
  readonly shutdown: Shutdown;
  /** The load of the process: requests in flight, and how far the event loop lags behind (ms). */
  readonly load: () => { readonly inFlight: number; readonly lagMs: number };
  /** The operators' tokens; none: there is no login. */
  readonly operatorTokens: readonly OperatorToken[];
  readonly sessions: Sessions | undefined;
  readonly attempts: LoginAttempts;
  /** Refuses whoever is not the operator. */
  readonly authorize: (c: Exchange) => unknown;
}
