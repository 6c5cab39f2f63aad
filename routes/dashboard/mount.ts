import { Hono } from "hono";
import { GatewayError } from "../../lib/core/errors.ts";
import type { OperatorEnv, OperatorExchange } from "../admin/operator_env.ts";
import type { Routed } from "../route_tree.ts";
import type { DashboardOptions } from "./options.ts";

const VIEWS = ["upstreams", "routes", "requests", "clients", "cache"] as const;

/** The dashboard's pages, and what they load. */
export const DASHBOARD_ROUTES: readonly Routed[] = [
  { method: "GET", path: "/_gateway/" },
  ...VIEWS.map((name) => ({ method: "GET", path: `/_gateway/dashboard/${name}` }) as const),
  { method: "GET", path: "/_gateway/dashboard/requests/:id" },
  ...["overview", ...VIEWS].map((name) => (
    { method: "GET", path: `/_gateway/dashboard/live/${name}` } as const
  )),
  { method: "GET", path: "/_gateway/dashboard/login" },
  { method: "POST", path: "/_gateway/dashboard/login" },
  { method: "POST", path: "/_gateway/dashboard/logout" },
  { method: "GET", path: "/_gateway/dashboard/assets/:file" },
];

/** The dashboard, whose code is loaded with its first request: the start does not pay for it. */
export function mountDashboard(options: DashboardOptions): Hono<OperatorEnv> {
  let loaded: Promise<Hono<OperatorEnv>> | undefined;
  const load = () =>
    loaded ??= import("./dashboard.tsx").then(({ dashboard }) => dashboard(options));
  const app = new Hono<OperatorEnv>();
  for (const { method, path } of DASHBOARD_ROUTES) {
    app.on(method, path, async (c) => (await load()).fetch(c.req.raw, c.env));
  }
  return app;
}

/**
 * Where a browser goes that is not signed in; undefined for anything else, which gets the error.
 * @param error why the request was refused
 */
export function loginFor(
  c: OperatorExchange,
  error: unknown,
  { sessions }: Pick<DashboardOptions, "sessions">,
): string | undefined {
  if (!(error instanceof GatewayError) || error.kind !== "unauthorized") return undefined;
  const { method, headers, target: { pathname } } = c.env;
  const isPage = method === "GET" && headers.get("accept")?.includes("text/html") === true;
  if (sessions === undefined || !isPage || headers.has("authorization")) return undefined;
  const { search } = new URL(c.req.url);
  return `/_gateway/dashboard/login?next=${encodeURIComponent(pathname + search)}`;
}
