import { FieldList } from "../../lib/core/field_list.ts";
import { type Clock, systemClock } from "../../lib/core/clock.ts";
import type { Source } from "../../lib/core/source.ts";
import { gather as gatherPlan } from "../../lib/gather/gather.ts";
import { GatherPlan } from "../../lib/gather/gather_plan.ts";

/** Options of {@linkcode gather}. */
export interface GatherConfig<Name extends string = string> {
  /** The sources without which the response is still useful. Default: none. */
  readonly optional?: readonly Name[];
  /** Responds once this many have succeeded, and cancels the rest. Default: once all required ones have. */
  readonly quorum?: number;
  /** The clock. Default: the system's. */
  readonly clock?: Clock;
}

/**
 * Combines sources into one, which calls them concurrently and replies with one JSON document: `data`
 * with a member for each, `complete`, and `problems` for those that failed. When a required one fails,
 * the others are cancelled and the whole fails. A gather is a source itself: policies can be around it,
 * and gathers nest.
 *
 * @example
 * ```ts
 * import { callContext, fromResponse, gather, getCall } from "sluice/policies";
 *
 * const home = gather({
 *   user: () => Promise.resolve(fromResponse(Response.json("Ada"))),
 *   news: () => Promise.reject(new Error("no news")),
 * }, { optional: ["news"] });
 * const reply = await home(getCall("/"), callContext());
 * const { data, complete } = JSON.parse(new TextDecoder().decode(await reply.body.bytes(4096)));
 * console.log(data, complete); // { user: "Ada", news: null } false
 * ```
 */
export function gather<const Name extends string>(
  sources: Readonly<Record<Name, Source>>,
  { optional = [], quorum, clock = systemClock }: GatherConfig<NoInfer<Name>> = {},
): Source {
  const call = { method: "GET", path: "/", headers: new FieldList().freeze() };
  const parts = Object.entries<Source>(sources).map(([name, source]) => ({
    name,
    source,
    call: () => call,
    optional: optional.some((other) => other === name),
  }));
  return gatherPlan(new GatherPlan(parts, { clock, ...(quorum === undefined ? {} : { quorum }) }));
}
