import type { Policy } from "../../lib/core/source.ts";
import { coalesce as coalescePolicy } from "../../lib/policies/coalesce/coalesce.ts";
import { SharedCalls } from "../../lib/policies/coalesce/shared_calls.ts";

/**
 * Makes one call of identical concurrent ones (single-flight): all get its result. A call of
 * {@linkcode around} is identical to one with equal arguments.
 *
 * @example
 * ```ts
 * import { around, coalesce } from "sluice/policies";
 *
 * let calls = 0;
 * const load = around((_signal, id: number) => Promise.resolve({ id, calls: ++calls }), coalesce());
 * console.log(await Promise.all([load(7), load(7)])); // one call, twice { id: 7, calls: 1 }
 * ```
 */
export function coalesce(): Policy {
  return coalescePolicy({ calls: new SharedCalls(), scope: "" });
}
