import { gather } from "../../lib/gather.ts";
import { type GatherOptions, type GatherPart, GatherPlan } from "../../lib/gather_plan.ts";
import type { Source } from "../../lib/source.ts";

/** The Source that asks these parts. */
export function gatherOf(parts: readonly GatherPart[], options: GatherOptions): Source {
  return gather(new GatherPlan(parts, options));
}
