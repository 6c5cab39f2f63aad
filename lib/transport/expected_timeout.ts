import type { Clock } from "../core/clock.ts";
import type { Context } from "../core/source.ts";

/** The header with the time that the gateway waits (ms), so that an upstream can stop in time. */
export const EXPECTED_TIMEOUT = "x-envoy-expected-rq-timeout-ms";

/** Returns the time left for a response (ms); undefined without a deadline. */
export function expectedTimeout({ deadline }: Context, clock: Clock): string | undefined {
  const remaining = Math.floor(deadline - clock.monotonic());
  return remaining < Infinity ? String(Math.max(1, remaining)) : undefined;
}
