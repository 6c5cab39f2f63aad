import { type RetryConfig, retrySchema, retrySettings } from "../../lib/config/retry.ts";
import { type Clock, systemClock } from "../../lib/core/clock.ts";
import type { Policy } from "../../lib/core/source.ts";
import { retry as retryPolicy } from "../../lib/policies/retry/retry.ts";
import { RetryBudget } from "../../lib/policies/retry/retry_budget.ts";
import { readOption } from "./read_option.ts";

/**
 * Makes a call again that failed in a way that may pass: unreachable, too slow, 429 or 5xx. The pauses
 * grow, and are random; a budget keeps retries from multiplying an outage.
 * @param config as `retry` of an upstream; default: three attempts
 * @param clock default: the system's
 * @throws {ConfigError} for an invalid config
 *
 * @example
 * ```ts
 * import { around, retry } from "sluice/policies";
 *
 * let calls = 0;
 * const flaky = around(() => {
 *   if (calls++ === 0) return Promise.reject(new Error("connection reset"));
 *   return Promise.resolve("there");
 * }, retry({ backoff: "1ms" }));
 * console.log(await flaky()); // "there"
 * ```
 */
export function retry(config: RetryConfig = {}, clock: Clock = systemClock): Policy {
  const { budget, ...settings } = retrySettings(readOption(retrySchema, config, "retry"));
  return retryPolicy({
    ...settings,
    budget: new RetryBudget({ ...budget, clock }),
    clock,
    random: Math.random,
  });
}
