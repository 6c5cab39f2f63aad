import { StoreGuard, type StoreGuardOptions } from "../../lib/store/store_guard.ts";
import { DEFAULTS } from "../../lib/core/defaults.ts";

/** A guard over a store that a test has. */
export function testGuard(
  options: Partial<StoreGuardOptions> & Pick<StoreGuardOptions, "clock">,
): StoreGuard {
  return new StoreGuard({
    random: () => 0.5,
    timeoutMs: DEFAULTS.storeTimeoutMs,
    read: () => Promise.resolve(),
    log() {},
    ...options,
  });
}
