import type { PartSettings } from "../config/part.ts";
import { isRepeatable } from "../core/is_repeatable.ts";
import { skippableParts } from "../config/skippable_parts.ts";
import type { BatchSettings, GatherSettings, RouteSettings } from "../config/route.ts";

/** How many calls a request makes to upstreams. */
export interface CallCounts {
  /** When all goes well: caches have the responses, lists are empty or end with their first page. */
  readonly least: number;
  /** When nothing does: no cache hits, full lists, every retry and every hedge. */
  readonly most: number;
}

const NONE: CallCounts = { least: 0, most: 0 };

/**
 * Returns how many upstream calls a complete response takes.
 * @param routes all routes: a batch may contain requests to each
 */
export function routeCalls(route: RouteSettings, routes: readonly RouteSettings[]): CallCounts {
  if ("max" in route) return batchCalls(route, routes);
  if ("parts" in route) return gatherCalls(route);
  return { least: route.cache ? 0 : 1, most: 1 };
}

/** Returns how many calls a part makes when it is called. */
export function partCalls(part: PartSettings): CallCounts {
  const { cache, each, batch, pages } = part;
  // At worst, each value of a batch comes too late to be sent with others.
  const calls = each?.max ?? batch?.maxItems ?? pages?.max ?? 1;
  if ("isStatic" in part.upstream) return NONE;
  const { retry, hedge } = part.upstream;
  const canRepeat = isRepeatable(part, retry.methods);
  const attempts = canRepeat ? retry.attempts : 1;
  const perAttempt = canRepeat && hedge ? 2 : 1;
  return {
    least: cache || each || batch ? 0 : 1,
    most: calls * attempts * perAttempt,
  };
}

function gatherCalls({ parts, quorum, cache }: GatherSettings): CallCounts {
  const skippable = skippableParts(parts);
  return parts.reduce((sum, part) => {
    const { least, most } = partCalls(part);
    // A race may be over before a part that waits for others begins.
    const mayBeLeftOut = cache !== undefined || skippable.has(part.name) ||
      (quorum !== undefined && part.needs.length > 0);
    return { least: sum.least + (mayBeLeftOut ? 0 : least), most: sum.most + most };
  }, NONE);
}

function batchCalls({ max }: BatchSettings, routes: readonly RouteSettings[]): CallCounts {
  const others = routes.filter((route) => !("max" in route));
  const most = others.reduce((most, route) => Math.max(most, routeCalls(route, []).most), 0);
  return { least: 0, most: max * most };
}
