import { systemClock } from "./clock.ts";
import type { PartSettings, RouteSettings, Settings } from "./config/settings.ts";
import { formatDuration } from "./config/units.ts";
import { describeForwardStack, describePartStack } from "./stack.ts";

/** What a config makes of a gateway: each route with its stacks and its worst-case time. */
export function describe({ routes, upstreams }: Settings): string {
  const count = `upstreams: ${upstreams.length}, routes: ${routes.length}`;
  return [count, ...routes.map(describeRoute), ...warnings(routes)].join("\n\n");
}

/** A limit that first believes what a client says of itself limits nobody who says something else. */
function warnings(routes: readonly RouteSettings[]): string[] {
  const unsafe = routes.flatMap(({ limits }) => limits).filter(({ by: [first] }) =>
    typeof first === "object"
  );
  return [...new Set(unsafe.map(({ name }) => name))].map((name) =>
    `warning: limits.${name} counts by a header that any client can change, and escapes by it`
  );
}

function describeRoute(route: RouteSettings): string {
  const limits = route.limits.map(({ name }) => name).join(", ");
  const limited = limits === "" ? "" : `, cost ${route.cost} of ${limits}`;
  const head = `${route.key}\n  deadline ${formatDuration(route.deadlineMs)}, worst case ${
    formatDuration(worstCaseMs(route))
  }${limited}`;
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
