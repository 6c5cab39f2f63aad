import { type BreakerConfig, breakerSchema, breakerSettings } from "../../lib/config/breaker.ts";
import { type Clock, systemClock } from "../../lib/core/clock.ts";
import type { Policy } from "../../lib/core/source.ts";
import { breaker as breakerPolicy } from "../../lib/policies/breaker/breaker.ts";
import { Circuit } from "../../lib/policies/breaker/circuit.ts";
import { watchCalls } from "../../lib/policies/breaker/watch_calls.ts";
import { readOption } from "./read_option.ts";

/**
 * A circuit breaker: while too many calls fail, further ones fail at once, with `breaker-open`. Place it
 * outside of `timeout`. All that the policy is around shares one circuit.
 * @param config as `breaker` of an upstream; default: its defaults
 * @param clock default: the system's
 * @throws {ConfigError} for an invalid config
 *
 * @example
 * ```ts
 * import { around, breaker, timeout } from "sluice/policies";
 *
 * const load = around(() => Promise.resolve("there"), breaker({ openFor: "10s" }), timeout("1s"));
 * console.log(await load()); // "there"
 * ```
 */
export function breaker(config: BreakerConfig = {}, clock: Clock = systemClock): Policy {
  const settings = breakerSettings(readOption(breakerSchema, config, "breaker"));
  if (settings === undefined) return (next) => next;
  const circuit = new Circuit(settings);
  const watch = watchCalls({ circuit, clock, onChange: () => {} });
  const guardCalls = breakerPolicy({ circuit, clock });
  return (next) => guardCalls(watch(next));
}
