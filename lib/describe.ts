import { systemClock } from "./clock.ts";
import type { PartSettings, RouteSettings, Settings } from "./config/settings.ts";
import { formatDuration } from "./config/units.ts";
import { describeForwardStack, describePartStack } from "./stack.ts";

/** What a config makes of a gateway: each route with its stacks and its worst-case time. */
export function describe({ routes, upstreams }: Settings): string {
  const count = `upstreams: ${upstreams.length}, routes: ${routes.length}`;
  return [count, ...routes.map(describeRoute)].join("\n\n");
}

function describeRoute(route: RouteSettings): string {
  const head = `${route.key}\n  deadline ${formatDuration(route.deadlineMs)}, worst case ${
    formatDuration(worstCaseMs(route))
  }`;
  const stacks = "parts" in route ? route.parts.map(describePart) : [
    `  forward ${route.to.name}: ${arrows(describeForwardStack(route.to, systemClock))}`,
  ];
  return [head, ...stacks].join("\n");
}

function describePart(part: PartSettings): string {
  const { name, optional, upstream, method } = part;
  const need = optional ? "optional" : "required";
  return `  ${name} (${need}): ${
    arrows(describePartStack(part, systemClock))
  } → ${method} ${upstream.name}`;
}

/** Parts run at once, so the slowest decides; the deadline ends them all. */
function worstCaseMs(route: RouteSettings): number {
  const timeouts = "parts" in route
    ? route.parts.map(({ timeoutMs }) => timeoutMs)
    : [route.to.timeoutMs];
  return Math.min(route.deadlineMs, Math.max(...timeouts));
}

function arrows(labels: readonly string[]): string {
  return labels.join(" → ");
}
