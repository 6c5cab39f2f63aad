import type { PartSettings } from "../config/part.ts";
import type { GatherPart } from "../gather/gather_part.ts";
import { breakerRefusal } from "../policies/breaker/breaker.ts";
import type { StackDependencies } from "./stack_dependencies.ts";

/**
 * Returns what tells in advance that a part's calls would fail; undefined where that is unknown: its
 * cache may have a response. A part that starts later may be called once the probes have succeeded.
 */
export function partRefusal(
  { cache, needs }: PartSettings,
  { upstream: { circuit }, clock }: StackDependencies,
): GatherPart["refusal"] {
  if (circuit === undefined || cache) return undefined;
  return () => {
    if (circuit.isClosed) return undefined;
    const now = clock.monotonic();
    return needs.length > 0 && circuit.stateAt(now) !== "open"
      ? undefined
      : breakerRefusal(circuit, now);
  };
}
