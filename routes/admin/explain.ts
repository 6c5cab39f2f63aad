import { Hono } from "hono";
import type { Settings } from "../../lib/config/gateway.ts";
import { explainRoute, summarizeRoute } from "../../lib/upstream/explain.ts";
import { NO_STORE } from "./no_store.ts";
import type { OperatorEnv } from "./operator_env.ts";
import { readQuery } from "./query.ts";
import { RouteFinder } from "./route_finder.ts";

/** Explains the routes: all of them in short, or one in full. */
export function explainAdmin(settings: Settings): Hono<OperatorEnv> {
  const finder = new RouteFinder(settings.routes);
  return new Hono<OperatorEnv>().get("/", (c) => {
    const route = readQuery(c, ["route"]).get("route");
    if (route !== undefined) {
      return c.json(explainRoute(finder.find(route), settings), 200, NO_STORE);
    }
    const routes = settings.routes.map((route) => summarizeRoute(route, settings));
    return c.json({ routes }, 200, NO_STORE);
  });
}
