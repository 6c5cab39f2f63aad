import type { Clock } from "../core/clock.ts";
import type { Context } from "../core/source.ts";

/** The header with the time that the gateway waits (ms), so that an upstream can stop in time. */
const EXPECTED_TIMEOUT = "x-envoy-expected-rq-timeout-ms";

/** Returns the header with the time left for a response; none without a deadline. */
export function expectedTimeout({ deadline }: Context, clock: Clock): Record<string, string> {
  const remaining = Math.floor(deadline - clock.monotonic());
  return remaining < Infinity ? { [EXPECTED_TIMEOUT]: String(Math.max(1, remaining)) } : {};
}
