import type { RouteMethod } from "../lib/config/route.ts";

/** What a table needs of a route. */
export interface Routed {
  readonly method: RouteMethod;
  readonly path: string;
}

/** What `Allow` names of an `ANY` route, besides HEAD and OPTIONS; it takes any other, too. */
const ANY_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/** The routes in the order in which they match: the most specific first, whatever their place. */
export function bySpecificity<Route extends Routed>(routes: readonly Route[]): Route[] {
  return routes.toSorted((a, b) => comparePaths(a.path, b.path) || compareMethods(a, b));
}

/**
 * The methods that a path answers, for `Allow`; empty when it is no path of ours.
 * @param pathname decoded, as routes are matched; undefined for the methods of all routes together
 */
export function allowedMethods(routes: readonly Routed[], pathname?: string): string[] {
  const methods = new Set<string>();
  for (const { method, path } of routes) {
    if (pathname !== undefined && !patternOf(path).test(pathname)) continue;
    for (const allowed of method === "ANY" ? ANY_METHODS : [method]) methods.add(allowed);
  }
  if (methods.size === 0) return [];
  if (methods.has("GET")) methods.add("HEAD");
  return [...methods, "OPTIONS"];
}

/** Segment by segment: the end before what goes on, static before parameter before the rest. */
function comparePaths(a: string, b: string): number {
  const [left, right] = [a.split("/"), b.split("/")];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = rank(left[index]) - rank(right[index]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function rank(segment: string | undefined): number {
  if (segment === undefined) return 0;
  if (segment === "*") return 3;
  return segment.startsWith(":") ? 2 : 1;
}

function compareMethods(a: Routed, b: Routed): number {
  return Number(a.method === "ANY") - Number(b.method === "ANY");
}

function patternOf(path: string): RegExp {
  const source = path.split("/").map((segment) => {
    if (segment === "*") return "(?:.*)";
    return segment.startsWith(":") ? "[^/]+" : RegExp.escape(segment);
  }).join("/");
  // As in Hono, `/users/*` is also `/users`.
  return new RegExp(`^${source.replace(/\/\(\?:\.\*\)$/, "(?:/.*)?")}$`, "s");
}
