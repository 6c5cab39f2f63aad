import type { Routed } from "../../routes/route_tree.ts";

/** What a tree of routes must find, by trying every route in turn. */

const ANY_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/** The routes by specificity: the first that matches is the most specific. */
export function bySpecificity<Route extends Routed>(routes: readonly Route[]): Route[] {
  return routes.toSorted((a, b) => comparePaths(a.path, b.path) || compareMethods(a, b));
}

/** The route that a request is for. */
export function specifiedMatch<Route extends Routed>(
  routes: readonly Route[],
  method: string,
  path: string,
): Route | undefined {
  const wanted = method === "HEAD" ? "GET" : method;
  return bySpecificity(routes).find((route) =>
    (route.method === wanted || (route.method === "ANY" && wanted !== "OPTIONS")) &&
    patternOf(route.path).test(path)
  );
}

/** The methods of the routes that match a path. */
export function specifiedMethods(routes: readonly Routed[], path: string): string[] {
  const methods = new Set<string>();
  for (const route of bySpecificity(routes)) {
    if (!patternOf(route.path).test(path)) continue;
    for (const allowed of route.method === "ANY" ? ANY_METHODS : [route.method]) {
      methods.add(allowed);
    }
  }
  if (methods.size === 0) return [];
  if (methods.has("GET")) methods.add("HEAD");
  methods.add("OPTIONS");
  return [...methods];
}

/** The parameters of a path that matches. */
export function specifiedParams({ path: pattern }: Routed, path: string): Record<string, string> {
  const values = path.split("/");
  return Object.fromEntries(
    pattern.split("/").flatMap((segment, index) =>
      segment.startsWith(":") ? [[segment.slice(1), values[index] ?? ""]] : []
    ),
  );
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
  // `/users/*` is also `/users`.
  return new RegExp(`^${source.replace(/\/\(\?:\.\*\)$/, "(?:/.*)?")}$`, "s");
}
