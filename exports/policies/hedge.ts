import { type HedgeConfig, hedgeSchema } from "../../lib/config/hedge.ts";
import { retrySchema, retrySettings } from "../../lib/config/retry.ts";
import { type Clock, systemClock } from "../../lib/core/clock.ts";
import type { Policy } from "../../lib/core/source.ts";
import { hedge as hedgePolicy } from "../../lib/policies/hedge/hedge.ts";
import { HedgeBudget } from "../../lib/policies/hedge/hedge_budget.ts";
import { HedgeDelay } from "../../lib/policies/hedge/hedge_delay.ts";
import { RetryBudget } from "../../lib/policies/retry/retry_budget.ts";
import { readOption } from "./read_option.ts";

/**
 * Makes a second call when the first is slow, and takes the first good reply; the other call is
 * cancelled (Dean and Barroso, The Tail at Scale, 2013). Only for calls that may be made twice.
 * @param config as `hedge` of an upstream; default: after the 95th percentile, at most 5 % of calls
 * @param clock default: the system's
 * @throws {ConfigError} for an invalid config
 *
 * @example
 * ```ts
 * import { around, hedge } from "sluice/policies";
 *
 * const read = around(() => Promise.resolve("value"), hedge({ after: "50ms" }));
 * console.log(await read()); // "value"
 * ```
 */
export function hedge(config: HedgeConfig = {}, clock: Clock = systemClock): Policy {
  const { after, share } = readOption(hedgeSchema, config, "hedge");
  const { budget, methods } = retrySettings(readOption(retrySchema, {}, "retry"));
  return hedgePolicy({
    delay: new HedgeDelay(after, clock),
    budget: new HedgeBudget(share),
    retryBudget: new RetryBudget({ ...budget, clock }),
    countsCalls: true,
    methods,
    clock,
  });
}
