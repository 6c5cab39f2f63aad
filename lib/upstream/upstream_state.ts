import type { Clock } from "../core/clock.ts";
import type { UpstreamSettings } from "../config/upstream.ts";
import { SharedCalls } from "../policies/coalesce/shared_calls.ts";
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
  /** The targets, if it can have several. */
  readonly targets?: TargetOptions | undefined;
}

/** Creates the state of an upstream. */
export function upstreamState(
  { retry, concurrency }: UpstreamSettings,
  transport: Source,
  clock: Clock,
  watch: Policy = (next) => next,
  targets?: TargetOptions,
): UpstreamState {
  return {
    transport,
    watch,
    sharedCalls: new SharedCalls(),
    retryBudget: new RetryBudget({ ...retry.budget, clock }),
    semaphore: new Semaphore(concurrency),
    targets,
  };
}
