import { METHOD_NAME_ALL, type Result } from "hono/router";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { SmartRouter } from "hono/router/smart-router";
import { TrieRouter } from "hono/router/trie-router";
import { tryDecodeURIComponent } from "hono/utils/url";
import type { Exchange } from "../middleware/exchange.ts";
import type { Routed } from "./route_table.ts";

/** Finds the route of a request with Hono's routers; the one that was added first wins. */
export class Router<T> {
  readonly #router = new SmartRouter<T>({ routers: [new RegExpRouter(), new TrieRouter()] });

  /** Adds a route; HEAD matches GET. */
  add({ method, path }: Routed, handler: T): void {
    this.#router.add(method === "ANY" ? METHOD_NAME_ALL : method, path, handler);
  }

  /** Finds what was added for the request, and gives it the route's parameters. */
  match(c: Exchange): T | undefined {
    const result = this.#router.match(c.method === "HEAD" ? "GET" : c.method, c.path);
    const first = result[0][0];
    if (first === undefined) return undefined;
    c.params = paramsOf(result);
    return first[0];
  }
}

/** The parameters, decoded: of a router by name, or by name in a list of values. */
function paramsOf<T>(result: Result<T>): Record<string, string> {
  const params: Record<string, string> = {};
  const [routes, values] = result;
  for (const [name, found] of Object.entries(routes[0]?.[1] ?? {})) {
    const value = typeof found === "number" ? values?.[found] : found;
    if (value !== undefined) params[name] = tryDecodeURIComponent(value);
  }
  return params;
}
