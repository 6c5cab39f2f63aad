import type { Duration } from "../../lib/config/units.ts";
import { duration } from "../../lib/config/values.ts";
import { type Clock, systemClock } from "../../lib/core/clock.ts";
import type { Policy } from "../../lib/core/source.ts";
import { timeout as timeoutPolicy } from "../../lib/policies/timeout.ts";
import { readOption } from "./read_option.ts";

/**
 * Ends a call that takes longer: its signal aborts, and it fails with `upstream-timeout`.
 * @param time such as `"400ms"`
 * @param clock default: the system's
 * @throws {ConfigError} for an invalid duration
 *
 * @example
 * ```ts
 * import { around, timeout } from "sluice/policies";
 *
 * const load = around((_signal, id: number) => Promise.resolve({ id }), timeout("400ms"));
 * console.log(await load(7)); // { id: 7 }
 * ```
 */
export function timeout(time: Duration, clock: Clock = systemClock): Policy {
  return timeoutPolicy({ timeoutMs: readOption(duration, time, "timeout"), clock });
}
