import type { Settings } from "../config/gateway.ts";
import type { RouteSettings } from "../config/route.ts";
import { formatDuration, formatSize } from "../config/units.ts";
import type { UpstreamSettings } from "../config/upstream.ts";
import type { CallCounts } from "./call_counts.ts";
import {
  explainRoute,
  type PartExplanation,
  type RouteExplanation,
  type RouteSummary,
} from "./explain.ts";

/**
 * Describes a gateway for `--check`: each route with its policy stacks, its worst-case latency and
 * its upstream calls.
 */
export function describe(settings: Settings): string {
  const { routes, upstreams } = settings;
  const count = `upstreams: ${upstreams.length}, routes: ${routes.length}`;
  const described = routes.map((route) => describeRoute(explainRoute(route, settings)));
  const listening = settings.tls
    ? [`tls: HTTPS, certificate until ${new Date(settings.tls.expiresAt).toISOString()}`]
    : [];
  return [
    count,
    ...listening,
    ...upstreams.flatMap(describeTls),
    ...upstreams.flatMap(describeTargets),
    ...described,
    ...warnings(routes),
  ]
    .join("\n\n");
}

/** Describes an upstream's TLS, virtual host and addresses, if they are not what its URL says. */
function describeTls(upstream: UpstreamSettings): string[] {
  if (!("base" in upstream)) return [];
  const { name, tls, host, allowsPrivate } = upstream;
  const facts = [
    ...tls?.ca === undefined ? [] : ["private CA"],
    ...tls?.own === undefined ? [] : ["client certificate"],
    ...tls?.serverName === undefined ? [] : [`server name ${tls.serverName}`],
    ...host === undefined ? [] : [`host ${host}`],
    ...allowsPrivate ? [] : ["no private addresses"],
  ];
  return facts.length > 0 ? [`upstream ${name}: ${facts.join(", ")}`] : [];
}

/** Describes where an upstream's calls go, if it names several targets or checks them. */
function describeTargets(upstream: UpstreamSettings): string[] {
  if (!("targets" in upstream)) return [];
  const { name, targets, health } = upstream;
  if (targets.length === 1 && health === undefined) return [];
  const total = targets.reduce((sum, { weight }) => sum + weight, 0);
  const lines = targets.map(({ base, weight }) =>
    `  target ${base.href.replace(/\/$/, "")}: ${Math.round(100 * weight / total)} %`
  );
  const checks = health
    ? [`  health GET ${health.path} every ${formatDuration(health.everyMs)}`]
    : [];
  return [[`upstream ${name}`, ...lines, ...checks].join("\n")];
}

/** What clients can change at will, as it is called in a warning. */
const CHANGEABLE: Readonly<Record<string, string>> = {
  header: "header",
  cookie: "cookie",
  query: "query parameter",
};

/**
 * Warns of a limit whose first key source a client can choose freely: it does not bind that client.
 */
function warnings(routes: readonly RouteSettings[]): string[] {
  const found = routes.flatMap(({ limits }) => limits).flatMap(({ name, by: [first] }) => {
    const what = typeof first === "object" ? CHANGEABLE[first.from] : undefined;
    if (what === undefined) return [];
    return `warning: limits.${name} counts by a ${what} that clients can change to avoid the limit`;
  });
  return [...new Set(found)];
}

function describeRoute(route: RouteExplanation): string {
  return [
    route.route,
    `  ${describeBounds(route)}`,
    ...describeAuth(route),
    ...describeKind(route),
    ...describeCaches(route),
  ].join("\n");
}

function describeBounds(route: RouteSummary): string {
  const { deadlineMs, worstCaseMs, upstreamCalls, cost, limits } = route;
  return [
    `deadline ${formatDuration(deadlineMs)}`,
    `worst case ${formatDuration(worstCaseMs)}`,
    describeCalls(upstreamCalls),
    ...limits.length > 0 ? [`cost ${cost} of ${limits.map(({ name }) => name).join(", ")}`] : [],
  ].join(", ");
}

function describeAuth({ auth, require }: RouteSummary): string[] {
  const ways = auth.length > 0 ? [`  auth ${auth.join(", else ")}`] : [];
  return require === undefined ? ways : [...ways, `  require ${require}`];
}

function describeCalls({ least, most }: CallCounts): string {
  const count = least === most ? most : `${least} to ${most}`;
  return `${count} upstream ${most === 1 ? "call" : "calls"}`;
}

function describeKind({ kind, parts = [], quorum, forward, batch }: RouteExplanation): string[] {
  if (batch) return [describeBatch(batch)];
  if (forward) return [`  forward ${forward.upstream}: ${arrows(forward.stack)}`];
  const isRace = quorum !== undefined;
  const described = parts.map((part) => describePart(part, isRace));
  if (!isRace) return described;
  return [kind === "first" ? "  the first of" : `  any ${quorum} of`, ...described];
}

function describeBatch(batch: NonNullable<RouteExplanation["batch"]>): string {
  const { max, concurrency, maxBody, maxTotal } = batch;
  const sizes = `${formatSize(maxBody)} each, ${formatSize(maxTotal)} in all`;
  return `  batch of up to ${max}, ${concurrency} at once; responses up to ${sizes}`;
}

function describePart(part: PartExplanation, isRace: boolean): string {
  const { optional, upstream, method, needs, each, batch, stack, when, hidden } = part;
  const facts = [
    ...isRace ? [] : [optional ? "optional" : "required"],
    ...needs.length > 0 ? [`after ${needs.join(", ")}`] : [],
    ...hidden ? ["hidden"] : [],
    ...when === undefined ? [] : [`when ${when}`],
    ...batch ? [`batch of up to ${batch.max}, ${batch.concurrency} at once`] : [],
    ...each ? [`each of up to ${each.max}, ${each.concurrency} at once`] : [],
  ];
  const noted = facts.length > 0 ? ` (${facts.join("; ")})` : "";
  if (method === "value") return `  ${part.part}${noted}: value`;
  return `  ${part.part}${noted}: ${arrows(stack)} → ${method} ${upstream}`;
}

/** Describes for whom each cache of a route stores responses. */
function describeCaches({ cache, parts }: RouteExplanation): string[] {
  const ofParts = (parts ?? []).flatMap(({ part, cache }) =>
    cache ? [`  cache of ${part}: ${cache.storedFor}`] : []
  );
  if (!cache) return ofParts;
  return [...ofParts, `  cache${parts ? " of the aggregate" : ""}: ${cache.storedFor}`];
}

function arrows(labels: readonly string[]): string {
  return labels.join(" → ");
}
