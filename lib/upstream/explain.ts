import type { CacheSettings } from "../cache/reuse.ts";
import type { Settings } from "../config/gateway.ts";
import type { LimitSettings } from "../config/limit.ts";
import type { PartSettings } from "../config/part.ts";
import { formatRate } from "../config/rates.ts";
import type { BatchSettings, ForwardSettings, RouteSettings } from "../config/route.ts";
import { templateNames } from "../config/template_names.ts";
import { type CallCounts, partCalls, routeCalls } from "./call_counts.ts";
import { describeForwardStack, describePartStack } from "./stack.ts";
import { forwardStoredFor, partStoredFor, wholeStoredFor } from "./stored_for.ts";
import { worstCaseMs } from "./worst_case.ts";

/** What a request to a route may take: time, calls and tokens. */
export interface RouteSummary {
  /** The key in the config: `GET /users/:id`. */
  readonly route: string;
  readonly kind: "gather" | "quorum" | "first" | "forward" | "batch";
  /** Time limit for the whole request (ms). */
  readonly deadlineMs: number;
  /** How long its upstream calls may take: the slowest chain of parts, within the deadline (ms). */
  readonly worstCaseMs: number;
  /** Calls to upstreams. */
  readonly upstreamCalls: CallCounts;
  /** Tokens that a request takes from each limit; those of a batch come on top of its requests'. */
  readonly cost: number;
  readonly limits: readonly LimitExplanation[];
  /** The ways to authenticate, in the order in which they are tried; empty: anybody may come in. */
  readonly auth: readonly string[];
  /** What else a request must fulfil; absent: nothing. */
  readonly require?: string;
  /** The upstreams that it calls, in the order of its parts. */
  readonly upstreams: readonly string[];
}

/** How a route works. */
export interface RouteExplanation extends RouteSummary {
  /** The cache of whole responses; absent if they are not cached. */
  readonly cache?: CacheExplanation;
  /** The parts of a gather. */
  readonly parts?: readonly PartExplanation[];
  /** How many parts must succeed; absent where all required ones must. */
  readonly quorum?: number;
  /** The call of a forward. */
  readonly forward?: ForwardExplanation;
  /** The bounds of a batch. */
  readonly batch?: Pick<BatchSettings, "max" | "concurrency" | "maxBody" | "maxTotal">;
}

/** A limit of a route. */
export interface LimitExplanation {
  readonly name: string;
  /** Such as `100/min`, for clients without a tier. */
  readonly rate: string;
  readonly burst: number;
  /** What identifies a client: the first of these that a request has. */
  readonly by: readonly string[];
  readonly perRoute: boolean;
}

/** A cache, and for whom it stores responses. */
export interface CacheExplanation {
  /** Freshness of responses that state none (ms); absent if only HTTP decides. */
  readonly ttlMs?: number;
  readonly storedFor: string;
}

/** A part of a gather. */
export interface PartExplanation {
  readonly part: string;
  readonly upstream: string;
  /** The method; `worker` for a module, `value` for a part that calls nothing. */
  readonly method: string;
  /** The parts that must succeed before it is called. */
  readonly needs: readonly string[];
  /** Whether the response is sent without it if it fails; false in a race, where any part may. */
  readonly optional: boolean;
  /** Whether the response has no member for it; absent: it has. */
  readonly hidden?: true;
  /** The condition on which it is called; absent: always. */
  readonly when?: string;
  /** What its templates refer to: `id`, `query.lang`, `profile.cityId`. */
  readonly uses: readonly string[];
  /** Its policies, outermost first. */
  readonly stack: readonly string[];
  readonly timeoutMs: number;
  readonly upstreamCalls: CallCounts;
  /** The bounds of an `each`. */
  readonly each?: { readonly max: number; readonly concurrency: number };
  /** The bounds of a `batch`. */
  readonly batch?: {
    readonly max: number;
    readonly maxItems: number;
    readonly concurrency: number;
  };
  /** The bounds of a paged list. */
  readonly pages?: { readonly max: number; readonly maxItems: number };
  readonly cache?: CacheExplanation;
}

/** The call of a forward. */
export interface ForwardExplanation {
  readonly upstream: string;
  /** Its policies, outermost first. */
  readonly stack: readonly string[];
  readonly timeoutMs: number;
}

/** Explains what a request to a route may take. */
export function summarizeRoute(route: RouteSettings, { routes }: Settings): RouteSummary {
  return {
    route: route.key,
    kind: kindOf(route),
    deadlineMs: route.deadlineMs,
    worstCaseMs: worstCaseMs(route),
    upstreamCalls: routeCalls(route, routes),
    cost: route.cost,
    limits: route.limits.map(explainLimit),
    auth: route.auth.map(({ name }) => name),
    ...(route.require && { require: route.require.text }),
    upstreams: upstreamsOf(route),
  };
}

/** Explains a route, for `--check` and the operator API: nothing in it is secret. */
export function explainRoute(route: RouteSettings, settings: Settings): RouteExplanation {
  const summary = summarizeRoute(route, settings);
  if ("max" in route) {
    const { max, concurrency, maxBody, maxTotal } = route;
    return { ...summary, batch: { max, concurrency, maxBody, maxTotal } };
  }
  const cached = "to" in route
    ? explainCache(route.cache, forwardStoredFor(route, settings))
    : explainCache(route.cache, wholeStoredFor(route, settings));
  if ("to" in route) return { ...summary, ...cached, forward: explainForward(route) };
  const { parts, quorum } = route;
  return {
    ...summary,
    ...cached,
    ...(quorum !== undefined && { quorum }),
    parts: parts.map((part) => explainPart(part, settings)),
  };
}

function kindOf(route: RouteSettings): RouteSummary["kind"] {
  if ("max" in route) return "batch";
  if ("to" in route) return "forward";
  if (route.isFirst) return "first";
  return route.quorum === undefined ? "gather" : "quorum";
}

function upstreamsOf(route: RouteSettings): string[] {
  if ("max" in route) return [];
  if ("to" in route) return [route.to.name];
  const called = route.parts.filter(({ upstream }) => !("isStatic" in upstream));
  return [...new Set(called.map(({ upstream }) => upstream.name))];
}

function explainLimit({ name, allowance, by, perRoute }: LimitSettings): LimitExplanation {
  const { perMs, perToken, capacity } = allowance.shape;
  return {
    name,
    rate: formatRate({ tokens: perMs, periodMs: perToken }),
    burst: capacity / perToken,
    by: by.map((source) => typeof source === "string" ? source : `${source.from}:${source.name}`),
    perRoute,
  };
}

function explainPart(part: PartSettings, settings: Settings): PartExplanation {
  const {
    name,
    upstream,
    method,
    needs,
    optional,
    timeoutMs,
    each,
    pages,
    cache,
    when,
    isHidden,
    batch,
  } = part;
  const names = [
    ...templateNames(part),
    ...each ? [each.items] : [],
    ...batch ? [batch.of] : [],
  ].map(({ name }) => name);
  return {
    part: name,
    upstream: upstream.name,
    method: "isStatic" in upstream ? "value" : "worker" in upstream ? "worker" : method,
    needs,
    optional,
    ...(isHidden && { hidden: true as const }),
    ...(when && { when: when.text }),
    uses: [...new Set([...names, ...part.passesQuery ? ["query"] : []])],
    stack: "isStatic" in upstream ? [] : describePartStack(part),
    timeoutMs,
    upstreamCalls: partCalls(part),
    ...(each && { each: { max: each.max, concurrency: each.concurrency } }),
    ...(batch && {
      batch: { max: batch.max, maxItems: batch.maxItems, concurrency: batch.concurrency },
    }),
    ...(pages && { pages: { max: pages.max, maxItems: pages.maxItems } }),
    ...explainCache(cache, partStoredFor(part, settings)),
  };
}

function explainForward(route: ForwardSettings): ForwardExplanation {
  const { to } = route;
  return { upstream: to.name, stack: describeForwardStack(route), timeoutMs: to.timeoutMs };
}

function explainCache(
  cache: CacheSettings | undefined,
  storedFor: string | undefined,
): { readonly cache?: CacheExplanation } {
  if (cache === undefined || storedFor === undefined) return {};
  const { ttlMs } = cache;
  return { cache: { ...(ttlMs !== undefined && { ttlMs }), storedFor } };
}
