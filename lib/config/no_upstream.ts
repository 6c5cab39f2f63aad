import { concurrencySettings } from "./concurrency.ts";
import { retrySettings } from "./retry.ts";
import type { UpstreamSettings } from "./upstream.ts";

/** What a part with a `value` has in place of an upstream. */
export const NO_UPSTREAM: UpstreamSettings = {
  name: "value",
  isStatic: true,
  cache: undefined,
  timeoutMs: 0,
  maxBody: Infinity,
  hidesErrors: true,
  retry: retrySettings(undefined),
  breaker: undefined,
  concurrency: concurrencySettings(undefined),
  hedge: undefined,
  rate: undefined,
};
