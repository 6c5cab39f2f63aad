import type { Overload } from "../async/overload.ts";
import type { HttpCache } from "../cache/http_cache.ts";
import type { Clock, Random } from "../core/clock.ts";
import type { Policy } from "../core/source.ts";
import type { CallRecorderOptions } from "../observe/call_recorder.ts";
import type { RateOptions } from "../policies/rate.ts";
import type { UpstreamState } from "./upstream_state.ts";

/** Dependencies of policies, besides their settings. */
export interface StackDependencies {
  readonly upstream: UpstreamState;
  readonly cache: HttpCache;
  /** The token buckets of the process. */
  readonly limiter: RateOptions["limiter"];
  /** Whether clients are identified by more than their addresses. */
  readonly knowsClients: boolean;
  readonly clock: Clock;
  readonly random: Random;
  /** The load of the gateway. */
  readonly overload: Overload;
  /** What each attempt goes through; absent outside of rehearsals. */
  readonly attempted?: Policy | undefined;
  /** How attempts are recorded; absent if nobody observes them. */
  readonly recorded?: CallRecorderOptions | undefined;
}
