import type { Settings } from "../../lib/config/gateway.ts";
import type { RouteSettings } from "../../lib/config/route.ts";
import { RouteTree } from "../route_tree.ts";

/** The cache's addresses for an upstream's own URL, or for a path that clients request. */
export function cacheAddresses(url: string, { upstreams, routes }: Settings): string[] {
  if (url.startsWith("/")) return routes.flatMap((route) => addressOf(url, route) ?? []);
  return upstreams.flatMap((upstream) => {
    if (!("targets" in upstream)) return [];
    const roots = upstream.targets.map(({ base }) => base.href.replace(/\/$/, ""));
    const root = roots.find((root) => url.startsWith(`${root}/`));
    return root === undefined ? [] : `${upstream.name} ${url.slice(root.length)}`;
  });
}

function addressOf(url: string, route: RouteSettings): string | undefined {
  const [pathname = ""] = url.split("?", 1);
  const search = url.slice(pathname.length);
  if ("max" in route || !hasPath(route, pathname)) return undefined;
  return "parts" in route
    ? `${route.key} ${url}`
    : `${route.to.name} ${pathname.slice(route.strip.length) || "/"}${search}`;
}

function hasPath(route: RouteSettings, pathname: string): boolean {
  const tree = new RouteTree<void>();
  tree.add(route);
  return tree.allowed(pathname).length > 0;
}
