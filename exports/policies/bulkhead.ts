import { Semaphore } from "../../lib/async/semaphore.ts";
import { type Clock, systemClock } from "../../lib/core/clock.ts";
import type { Policy } from "../../lib/core/source.ts";
import { bulkhead as bulkheadPolicy } from "../../lib/policies/bulkhead.ts";

/** How many calls run at once, and how many wait. */
export interface BulkheadConfig {
  /** Maximum concurrent calls. */
  readonly max: number;
  /** Maximum waiting calls; further ones fail with `overloaded`. Default: twice `max`. */
  readonly queue?: number;
}

/**
 * Limits how many calls run at once; further ones wait their turn. All that the policy is around shares
 * the limit.
 * @param limit the maximum, or with the length of the queue
 * @param clock default: the system's
 * @throws {RangeError} for a limit that is no whole number of at least 1
 *
 * @example
 * ```ts
 * import { around, bulkhead } from "sluice/policies";
 *
 * const query = around((_signal, text: string) => Promise.resolve(text.length), bulkhead(10));
 * console.log(await query("select 1")); // 8
 * ```
 */
export function bulkhead(limit: number | BulkheadConfig, clock: Clock = systemClock): Policy {
  const { max, queue = 2 * max } = typeof limit === "number" ? { max: limit } : limit;
  if (!Number.isInteger(max) || max < 1 || !Number.isInteger(queue) || queue < 0) {
    throw new RangeError(
      `bulkhead: must be whole numbers, max of at least 1; got ${max} and ${queue}`,
    );
  }
  return bulkheadPolicy({ semaphore: new Semaphore({ max, queue }), clock });
}
