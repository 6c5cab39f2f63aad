import type { Clock } from "../core/clock.ts";
import type { Context } from "../core/source.ts";

/** Says how long a response is waited for (ms), so that an upstream can stop when nobody listens. */
const EXPECTED_TIMEOUT = "x-envoy-expected-rq-timeout-ms";

/** The header that tells an upstream how long its response is waited for; none without a deadline. */
export function expectedTimeout({ deadline }: Context, clock: Clock): Record<string, string> {
  const remaining = Math.floor(deadline - clock.monotonic());
  return remaining < Infinity ? { [EXPECTED_TIMEOUT]: String(Math.max(1, remaining)) } : {};
}
