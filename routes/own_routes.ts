import { Hono } from "hono";
import type { OpenCache } from "../lib/cache/open_cache.ts";
import type { Settings } from "../lib/config/gateway.ts";
import { admin } from "../middleware/admin.ts";
import type { Env } from "../middleware/env.ts";
import { notInBatch } from "../middleware/not_in_batch.ts";
import { blocksAdmin } from "./admin/blocks.ts";
import { bucketsAdmin } from "./admin/buckets.ts";
import { cacheAdmin } from "./admin/cache.ts";
import { cacheAddresses } from "./admin/cache_addresses.ts";
import { clientsAdmin } from "./admin/clients.ts";
import type { GatewayDependencies } from "./dependencies.ts";
import { health } from "./health.ts";
import type { Limits } from "./limits.ts";
import { problemKinds } from "./problem_kinds.ts";
import type { Routed } from "./route_table.ts";

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
];
/** The public ones; all others are the operator API. */
const OPEN_ROUTES = /^\/_gateway\/(?:health|problems)\//;
const ADMIN_PATHS = new Set(
  OWN_ROUTES.map(({ path }) => path).filter((path) => !OPEN_ROUTES.test(path)),
);

/** What the gateway's own routes share with the routes of the config. */
export interface OwnRoutesOptions {
  readonly cache: OpenCache;
  readonly limits: Limits;
}

/** The routes under `/_gateway/`: health and problem pages are public, the rest is the operator API. */
export function ownRoutes(
  settings: Settings,
  deps: GatewayDependencies,
  { cache, limits }: OwnRoutesOptions,
): Hono<Env> {
  const { clock, operator, store, shutdown, adminToken: token, isHosted } = deps;
  const app = new Hono<Env>();
  app.use("/_gateway/*", notInBatch("requests to the gateway's own routes"));
  const needsWrites = settings.routes.some(({ limits }) =>
    limits.some(({ allowance }) => allowance.onStoreFailure === "closed")
  );
  app.route("/_gateway/health", health({ store, needsWrites, shutdown }));
  app.route("/_gateway/problems", problemKinds());
  const operatorOnly = admin({ token, isHosted, forwardedHeader: settings.trust.header });
  for (const path of ADMIN_PATHS) app.use(path, operatorOnly);
  const addressesOf = (url: string) => cacheAddresses(url, settings);
  app.route("/_gateway/cache", cacheAdmin({ cache, clock, addressesOf }));
  if (operator) app.route("/_gateway/buckets/ban", blocksAdmin(operator, clock));
  app.route("/_gateway/buckets", bucketsAdmin({ settings, operator, clock, ...limits }));
  app.route("/_gateway/clients", clientsAdmin({ settings, operator, clock }));
  return app;
}
