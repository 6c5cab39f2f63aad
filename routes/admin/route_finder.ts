import type { RouteSettings } from "../../lib/config/route.ts";
import { nearest } from "../../lib/config/suggest.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import { RouteTree } from "../route_tree.ts";

/** The most edits at which a route is still suggested. */
const MOST_EDITS = 12;
const REQUEST = /^([A-Z]+) (\/[^?#]*)/;

/** Finds routes as an operator names them. */
export class RouteFinder {
  readonly #routes: readonly RouteSettings[];
  /** Made when first needed. */
  #tree: RouteTree<RouteSettings> | undefined;

  constructor(routes: readonly RouteSettings[]) {
    this.#routes = routes;
  }

  /**
   * Finds a route by its key, `GET /home/:id`, or by a request that it handles, `GET /home/7`.
   * @throws {GatewayError} `not-found`, with the nearest key
   */
  find(name: string): RouteSettings {
    const keyed = this.#routes.find(({ key }) => key === name);
    if (keyed) return keyed;
    const [, method = "", path = ""] = REQUEST.exec(name) ?? [];
    const matched = path === "" ? undefined : this.match(method, path);
    if (matched) return matched;
    const best = nearest(name, this.#routes.map(({ key }) => key), MOST_EDITS);
    const hint = best === undefined
      ? "; GET /_gateway/explain lists the routes"
      : `; did you mean "${best}"?`;
    throw new GatewayError("not-found", `no route is "${name}"${hint}`);
  }

  /** Returns the route that handles requests with a method and a path; undefined if none does. */
  match(method: string, path: string): RouteSettings | undefined {
    return this.#treeOf().match(method, path)?.value;
  }

  #treeOf(): RouteTree<RouteSettings> {
    if (this.#tree) return this.#tree;
    const tree = new RouteTree<RouteSettings>();
    for (const route of this.#routes) tree.add(route, route);
    return this.#tree = tree;
  }
}
