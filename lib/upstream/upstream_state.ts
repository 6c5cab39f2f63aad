import type { Clock } from "../core/clock.ts";
import type { UpstreamSettings } from "../config/upstream.ts";
import { AdaptiveLimit } from "../policies/adaptive/adaptive_limit.ts";
import { SharedCalls } from "../policies/coalesce/shared_calls.ts";
import { HedgeBudget } from "../policies/hedge/hedge_budget.ts";
import { HedgeDelay } from "../policies/hedge/hedge_delay.ts";
import { RetryBudget } from "../policies/retry/retry_budget.ts";
import type { TargetOptions } from "../policies/target/target.ts";
import { Semaphore } from "../async/semaphore.ts";
import type { Policy, Source } from "../core/source.ts";

/** The state that all parts and routes of one upstream share. */
export interface UpstreamState {
  readonly transport: Source;
  /** Reports why calls fail, for the log. */
  readonly watch: Policy;
  /** Calls in progress, for single-flight. */
  readonly sharedCalls: SharedCalls;
  /** The retry budget. */
  readonly retryBudget: RetryBudget;
  /** Limits concurrent calls. */
  readonly semaphore: Semaphore;
  /** Adapts the limit to latency; undefined if it is fixed. */
  readonly adaptiveLimit: AdaptiveLimit | undefined;
  /** How many calls may be hedged, and when; undefined if none are. */
  readonly hedging: { readonly budget: HedgeBudget; readonly delay: HedgeDelay } | undefined;
  /** The targets, if it can have several. */
  readonly targets?: TargetOptions | undefined;
}

/** Creates the state of an upstream. */
export function upstreamState(
  { retry, concurrency, hedge }: UpstreamSettings,
  transport: Source,
  clock: Clock,
  watch: Policy = (next) => next,
  targets?: TargetOptions,
): UpstreamState {
  const semaphore = new Semaphore(concurrency);
  const { adaptive } = concurrency;
  return {
    transport,
    watch,
    sharedCalls: new SharedCalls(),
    retryBudget: new RetryBudget({ ...retry.budget, clock }),
    targets,
    semaphore,
    adaptiveLimit: adaptive && new AdaptiveLimit({ ...adaptive, semaphore, clock }),
    hedging: hedge &&
      { budget: new HedgeBudget(hedge.share), delay: new HedgeDelay(hedge.after, clock) },
  };
}
