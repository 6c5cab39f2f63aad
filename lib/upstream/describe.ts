import type { ClientSettings } from "../config/client.ts";
import type { Settings } from "../config/gateway.ts";
import type { PartSettings } from "../config/part.ts";
import type { BatchSettings, GatherSettings, RouteSettings } from "../config/route.ts";
import { formatDuration, formatSize } from "../config/units.ts";
import type { UpstreamSettings } from "../config/upstream.ts";
import { describeForwardStack, describePartStack } from "./stack.ts";
import { forwardStoredFor, partStoredFor, wholeStoredFor } from "./stored_for.ts";
import { worstCaseMs } from "./worst_case.ts";

/** Describes a gateway for `--check`: each route with its policy stacks and worst-case latency. */
export function describe({ routes, upstreams, clients }: Settings): string {
  const count = `upstreams: ${upstreams.length}, routes: ${routes.length}`;
  const described = routes.map((route) =>
    [describeRoute(route), ...storedFor(route, clients)].join("\n")
  );
  return [count, ...upstreams.flatMap(describeTargets), ...described, ...warnings(routes)]
    .join("\n\n");
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

/**
 * Warns of a limit whose first key source a client can choose freely: it does not bind that client.
 */
function warnings(routes: readonly RouteSettings[]): string[] {
  const unsafe = routes.flatMap(({ limits }) => limits).filter(({ by: [first] }) =>
    typeof first === "object"
  );
  return [...new Set(unsafe.map(({ name }) => name))].map((name) =>
    `warning: limits.${name} counts by a header that clients can change to avoid the limit`
  );
}

/** Describes for whom each cache of a route stores responses. */
function storedFor(route: RouteSettings, clients: ClientSettings | undefined): string[] {
  const line = (of: string, whom: string | undefined) =>
    whom === undefined ? [] : [`  cache${of}: ${whom}`];
  if ("max" in route) return [];
  if ("to" in route) return line("", forwardStoredFor(route, clients));
  return [
    ...route.parts.flatMap((part) => line(` of ${part.name}`, partStoredFor(part, clients))),
    ...line(" of the aggregate", wholeStoredFor(route, clients)),
  ];
}

function describeRoute(route: RouteSettings): string {
  const limits = route.limits.map(({ name }) => name).join(", ");
  const limited = limits === "" ? "" : `, cost ${route.cost} of ${limits}`;
  const head = `${route.key}\n  deadline ${formatDuration(route.deadlineMs)}, worst case ${
    formatDuration(worstCaseMs(route))
  }${limited}`;
  return [head, ...describeKind(route)].join("\n");
}

function describeKind(route: RouteSettings): string[] {
  if ("parts" in route) return describeParts(route);
  return "max" in route
    ? [describeBatch(route)]
    : [`  forward ${route.to.name}: ${arrows(describeForwardStack(route))}`];
}

function describeBatch({ max, concurrency, maxBody, maxTotal }: BatchSettings): string {
  const sizes = `${formatSize(maxBody)} each, ${formatSize(maxTotal)} in all`;
  return `  batch of up to ${max}, ${concurrency} at once; responses up to ${sizes}`;
}

function describeParts({ parts, quorum, isFirst }: GatherSettings): string[] {
  const isRace = quorum !== undefined;
  const described = parts.map((part) => describePart(part, isRace));
  if (!isRace) return described;
  return [isFirst ? "  the first of" : `  any ${quorum} of`, ...described];
}

function describePart(part: PartSettings, isRace: boolean): string {
  const { name, optional, upstream, method, needs, each } = part;
  const verb = "worker" in upstream ? "worker" : method;
  const facts = [
    ...isRace ? [] : [optional ? "optional" : "required"],
    ...needs.length > 0 ? [`after ${needs.join(", ")}`] : [],
    ...each ? [`each of up to ${each.max}, ${each.concurrency} at once`] : [],
  ];
  const noted = facts.length > 0 ? ` (${facts.join("; ")})` : "";
  return `  ${name}${noted}: ${arrows(describePartStack(part))} → ${verb} ${upstream.name}`;
}

function arrows(labels: readonly string[]): string {
  return labels.join(" → ");
}
