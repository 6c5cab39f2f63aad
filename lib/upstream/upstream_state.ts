import type { Clock } from "../core/clock.ts";
import type { UpstreamSettings } from "../config/upstream.ts";
import { SharedCalls } from "../policies/coalesce/shared_calls.ts";
import { RetryBudget } from "../policies/retry/retry_budget.ts";
import { Semaphore } from "../async/semaphore.ts";
import type { Policy, Source } from "../core/source.ts";

/** What all parts and routes share that ask one upstream. */
export interface UpstreamState {
  readonly transport: Source;
  /** Watches why a source of it fails, for the log. */
  readonly watch: Policy;
  /** Calls that are under way. */
  readonly sharedCalls: SharedCalls;
  /** How many of its calls may be made again. */
  readonly retryBudget: RetryBudget;
  /** How many calls it has at once. */
  readonly semaphore: Semaphore;
}

/** The state of an upstream of which nothing has been asked yet. */
export function upstreamState(
  { retry, concurrency }: UpstreamSettings,
  transport: Source,
  clock: Clock,
  watch: Policy = (next) => next,
): UpstreamState {
  return {
    transport,
    watch,
    sharedCalls: new SharedCalls(),
    retryBudget: new RetryBudget({ ...retry.budget, clock }),
    semaphore: new Semaphore(concurrency),
  };
}
