import { gather } from "../../lib/gather/gather.ts";
import type { GatherPart } from "../../lib/gather/gather_part.ts";
import { type GatherOptions, GatherPlan } from "../../lib/gather/gather_plan.ts";
import type { Source } from "../../lib/core/source.ts";

/** The Source that asks these parts. */
export function gatherOf(parts: readonly GatherPart[], options: GatherOptions): Source {
  return gather(new GatherPlan(parts, options));
}
