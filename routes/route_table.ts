import type { RouteMethod } from "../lib/config/route.ts";

/** A route's method and path. */
export interface Routed {
  readonly method: RouteMethod;
  readonly path: string;
}

/** The methods that `Allow` lists for an `ANY` route, besides HEAD and OPTIONS. */
const ANY_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/** Sorts routes by specificity: the router takes the first that matches, whatever the config's order. */
export function bySpecificity<Route extends Routed>(routes: readonly Route[]): Route[] {
  return routes.toSorted((a, b) => comparePaths(a.path, b.path) || compareMethods(a, b));
}

/**
 * Finds the methods of a path's routes, for `Allow`; none when no route matches the path. Patterns
 * are compiled at the first call, once for all.
 *
 * The function takes a decoded path, as routes are matched; without one it returns the methods of
 * all routes.
 */
export function allowedMethods(routes: readonly Routed[]): (pathname?: string) => string[] {
  let patterns: readonly RegExp[] | undefined;
  return (pathname) => {
    patterns ??= routes.map(({ path }) => patternOf(path));
    const methods = new Set<string>();
    for (const [index, { method }] of routes.entries()) {
      if (pathname !== undefined && !patterns[index]?.test(pathname)) continue;
      for (const allowed of method === "ANY" ? ANY_METHODS : [method]) methods.add(allowed);
    }
    if (methods.size === 0) return [];
    if (methods.has("GET")) methods.add("HEAD");
    return [...methods, "OPTIONS"];
  };
}

/** Compares by segment: the end of a path, then a static segment, a parameter, a wildcard. */
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
