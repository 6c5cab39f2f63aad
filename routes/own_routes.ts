import { Hono } from "hono";
import type { Settings } from "../lib/config/gateway.ts";
import { Traffic } from "../lib/observe/traffic.ts";
import { admin } from "../middleware/admin.ts";
import type { Exchange } from "../middleware/exchange.ts";
import type { Endpoint } from "../middleware/middleware.ts";
import { ResponseDraft } from "../middleware/response_draft.ts";
import { auditEntry, isAudited } from "./audit.ts";
import { blocksAdmin } from "./admin/blocks.ts";
import { bucketsAdmin } from "./admin/buckets.ts";
import { cacheAdmin } from "./admin/cache.ts";
import { cacheAddresses } from "./admin/cache_addresses.ts";
import { clientsAdmin } from "./admin/clients.ts";
import { configAdmin } from "./admin/config.ts";
import { explainAdmin } from "./admin/explain.ts";
import { logKeyAdmin } from "./admin/log_key.ts";
import type { OperatorEnv } from "./admin/operator_env.ts";
import { openApiEndpoint } from "./openapi.ts";
import { metricsAdmin } from "./admin/metrics.ts";
import { rehearseAdmin, type RehearseOptions } from "./admin/rehearse.ts";
import { upstreamsAdmin } from "./admin/upstreams.ts";
import { DASHBOARD_ROUTES, loginFor, mountDashboard } from "./dashboard/mount.ts";
import type { DashboardOptions } from "./dashboard/options.ts";
import type { GatewayDependencies } from "./dependencies.ts";
import { live, ready } from "./health.ts";
import { problemKind } from "./problem_kinds.ts";
import type { Routed } from "./route_tree.ts";

/** How the paths of the gateway's own routes begin. */
export const OWN_PREFIX = "/_gateway";

/** The gateway's own routes, for `Allow`. */
export const OWN_ROUTES: readonly Routed[] = [
  { method: "GET", path: "/_gateway/health/live" },
  { method: "GET", path: "/_gateway/health/ready" },
  { method: "GET", path: "/_gateway/problems/:kind" },
  { method: "GET", path: "/_gateway/cache" },
  { method: "DELETE", path: "/_gateway/cache" },
  { method: "GET", path: "/_gateway/buckets" },
  { method: "DELETE", path: "/_gateway/buckets" },
  { method: "GET", path: "/_gateway/buckets/ban" },
  { method: "PUT", path: "/_gateway/buckets/ban" },
  { method: "DELETE", path: "/_gateway/buckets/ban" },
  { method: "GET", path: "/_gateway/clients" },
  { method: "POST", path: "/_gateway/clients" },
  { method: "GET", path: "/_gateway/clients/:name" },
  { method: "PATCH", path: "/_gateway/clients/:name" },
  { method: "DELETE", path: "/_gateway/clients/:name" },
  { method: "POST", path: "/_gateway/clients/:name/keys" },
  { method: "DELETE", path: "/_gateway/clients/:name/keys" },
  { method: "DELETE", path: "/_gateway/log-key" },
  { method: "GET", path: "/_gateway/upstreams" },
  { method: "GET", path: "/_gateway/metrics" },
  { method: "GET", path: "/_gateway/explain" },
  { method: "POST", path: "/_gateway/rehearse" },
  { method: "GET", path: "/_gateway/config" },
  { method: "GET", path: "/_gateway/openapi.json" },
  ...DASHBOARD_ROUTES,
];
/** The public ones; all others are the operator's. What the login page loads is no secret. */
const OPEN_ROUTES =
  /^\/_gateway\/(?:health\/|problems\/|dashboard\/(?:login|logout|assets\/:file)$)/;
const ADMIN_PATHS = new Set(
  OWN_ROUTES.map(({ path }) => path).filter((path) => !OPEN_ROUTES.test(path)),
);

/** What the gateway's own routes share with the routes of the config. */
export interface OwnRoutesOptions
  extends
    Omit<RehearseOptions, "settings" | "deps">,
    Pick<DashboardOptions, "cache" | "limits" | "upstreams" | "load" | "sessions" | "attempts"> {
  /** Refuses a request that no route matches. */
  readonly notRouted: (c: Exchange) => never;
}

/** A route under `/_gateway/`. */
export type OwnRoute = Routed & { readonly endpoint: Endpoint };

/**
 * The routes under `/_gateway/`, in the order in which they are tried: health and problem pages are
 * public, and the OpenAPI document where the config says so; the rest is the operator API.
 */
export function ownRoutes(
  settings: Settings,
  deps: GatewayDependencies,
  options: OwnRoutesOptions,
): OwnRoute[] {
  const { store, shutdown, reloads } = deps;
  const openapi = openApiEndpoint(settings);
  const needsWrites = settings.routes.some(({ limits }) =>
    limits.some(({ allowance }) => allowance.onStoreFailure === "closed")
  );
  return [
    { method: "GET", path: "/_gateway/health/live", endpoint: live },
    {
      method: "GET",
      path: "/_gateway/health/ready",
      endpoint: ready({ store, needsWrites, shutdown, reloads }),
    },
    { method: "GET", path: "/_gateway/problems/:kind", endpoint: problemKind },
    ...settings.openapi.public
      ? [{ method: "GET", path: "/_gateway/openapi.json", endpoint: openapi } as const]
      : [],
    {
      method: "ANY",
      path: "/_gateway/*",
      endpoint: operatorApi(settings, deps, { ...options, openapi }),
    },
  ];
}

/** The operator API is an app of Hono's own: it has many routes, and none of them is hot. */
function operatorApi(
  settings: Settings,
  deps: GatewayDependencies,
  options: OwnRoutesOptions & { readonly openapi: Endpoint },
): Endpoint {
  const { clock, operator, operatorTokens, isHosted, reloads } = deps;
  const { cache, limits, upstreams, sessions, notRouted } = options;
  const app = new Hono<OperatorEnv>();
  app.onError((error) => {
    throw error;
  });
  const operatorOnly = admin({
    tokens: operatorTokens,
    isHosted,
    forwardedHeader: settings.trust.header,
    sessions,
  });
  const authorize = (c: Exchange) => operatorOnly.before?.(c);
  for (const path of ADMIN_PATHS) {
    app.use(path, async (c, next) => {
      try {
        await authorize(c.env);
      } catch (error) {
        const login = loginFor(c, error, options);
        if (login === undefined) throw error;
        return c.redirect(login, 303);
      }
      return await next();
    });
  }
  const addressesOf = (url: string) => cacheAddresses(url, settings);
  app.route("/_gateway/cache", cacheAdmin({ cache, clock, addressesOf }));
  if (operator) app.route("/_gateway/buckets/ban", blocksAdmin(operator, clock));
  app.route("/_gateway/buckets", bucketsAdmin({ settings, operator, clock, ...limits }));
  app.route("/_gateway/clients", clientsAdmin({ settings, operator, clock }));
  if (operator) app.route("/_gateway/log-key", logKeyAdmin(operator));
  app.route("/_gateway/upstreams", upstreamsAdmin(upstreams));
  if (deps.metrics) app.route("/_gateway/metrics", metricsAdmin(deps.metrics.registry));
  app.route("/_gateway/explain", explainAdmin(settings));
  app.route("/_gateway/rehearse", rehearseAdmin({ ...options, settings, deps }));
  if (reloads) app.route("/_gateway/config", configAdmin(reloads));
  app.get("/_gateway/openapi.json", async (c) => (await options.openapi(c.env)).build("GET"));
  const traffic = deps.traffic ?? new Traffic();
  app.route(
    "/",
    mountDashboard({ ...options, ...deps, settings, operator, traffic, authorize }),
  );
  app.notFound((c) => notRouted(c.env));
  return async function operatorApi(c) {
    // The response to HEAD has the length of the one to GET, which is known further out.
    const request = c.method === "HEAD" ? new Request(c.request, { method: "GET" }) : c.request;
    const audit = (outcome: unknown) => {
      if (isAudited(c)) deps.logAudit(auditEntry(c, outcome, settings.trust));
    };
    let response: Response;
    try {
      response = await app.fetch(request, c);
    } catch (error) {
      audit(error);
      throw error;
    }
    const { body, status, headers } = response;
    audit(status);
    if (headers.get("content-type") === "text/event-stream") {
      return new ResponseDraft(body, { status, headers });
    }
    const bytes = body && new Uint8Array(await new Response(body).arrayBuffer());
    return new ResponseDraft(bytes, { status, headers });
  };
}
