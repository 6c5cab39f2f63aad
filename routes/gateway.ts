import { Hono } from "hono";
import { METHOD_NAME_ALL } from "hono/router";
import { type OpenCache, openCache } from "../lib/cache/open_cache.ts";
import { DEFAULTS } from "../lib/config/defaults.ts";
import type { Settings } from "../lib/config/gateway.ts";
import { GatewayError, methodNotAllowed } from "../lib/errors.ts";
import { fingerprint } from "../lib/fingerprint.ts";
import { BoundedStore } from "../lib/limiter/bounded_store.ts";
import { Busiest } from "../lib/limiter/busiest.ts";
import { Ledger } from "../lib/limiter/ledger.ts";
import { Limiter } from "../lib/limiter/limiter.ts";
import { targetOf } from "../lib/upstream/target.ts";
import { admin } from "../middleware/admin.ts";
import { accessLog } from "../middleware/access_log.ts";
import { cors } from "../middleware/cors.ts";
import type { Env, Exchange } from "../middleware/env.ts";
import { head } from "../middleware/head.ts";
import { loop } from "../middleware/loop.ts";
import { methodCase } from "../middleware/method_case.ts";
import { notInBatch } from "../middleware/not_in_batch.ts";
import { options } from "../middleware/options.ts";
import { path } from "../middleware/path.ts";
import { problems } from "../middleware/problems.ts";
import { reserved } from "../middleware/reserved.ts";
import { requestId } from "../middleware/request_id.ts";
import { requestSize } from "../middleware/request_size.ts";
import { unsupported } from "../middleware/unsupported.ts";
import { bansAdmin } from "./admin/bans.ts";
import { bucketsAdmin } from "./admin/buckets.ts";
import { cacheAdmin } from "./admin/cache.ts";
import { cacheAddresses } from "./admin/cache_addresses.ts";
import { clientsAdmin } from "./admin/clients.ts";
import type { BatchOptions } from "./batch.ts";
import type { GatewayDependencies } from "./dependencies.ts";
import { Handlers, type Limits } from "./handlers.ts";
import { health } from "./health.ts";
import { problemKinds } from "./problem_kinds.ts";
import { allowedMethods, bySpecificity, type Routed } from "./route_table.ts";
import { unmeasured } from "./unmeasured.ts";

const OWN_ROUTES: readonly Routed[] = [
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
/** The gateway's routes that are for everybody; all others are the operator's. */
const OPEN_ROUTES = /^\/_gateway\/(?:health|problems)\//;
const ADMIN_ROUTES = OWN_ROUTES.map(({ path }) => path).filter((path) => !OPEN_ROUTES.test(path));

/** The gateway as an app: middleware in the order a request meets it, then the routes. */
export function createGateway(settings: Settings, deps: GatewayDependencies): Hono<Env> {
  const routes = bySpecificity(settings.routes);
  const allowed = (pathname?: string) =>
    allowedMethods(/^\/_gateway(?:\/|$)/.test(pathname ?? "") ? OWN_ROUTES : routes, pathname);
  const pseudonym = pseudonymOf(settings);
  const cache = cacheOf(settings, deps, pseudonym);
  const limits = limitsOf(deps);
  const app = new Hono<Env>();
  const ask: BatchOptions["ask"] = async (request, bindings) => await app.fetch(request, bindings);
  const handlers = new Handlers(settings, deps, { pseudonym, cache: cache.cache, limits, ask });

  app.onError((error, c) => problems(error, c, deps.logError));
  app.notFound((c) => problems(notRouted(c, allowed(c.req.path)), c, deps.logError));

  app.use(requestId(deps.clock));
  app.use(accessLog({ clock: deps.clock, log: deps.logAccess, shutdown: deps.shutdown }));
  if (settings.cors) app.use(cors(settings.cors, allowed));
  app.use(head());
  app.use(unsupported());
  app.use(methodCase(allowed));
  app.use(path());
  app.use(reserved((pathname) => allowedMethods(OWN_ROUTES, pathname).length > 0));
  app.use(loop(pseudonym));
  app.use(options(allowed));
  app.use(requestSize(settings.maxRequestBody));

  app.use("/_gateway/*", notInBatch("requests to the gateway's own routes"));
  const needsWrites = routes.some(({ limits }) =>
    limits.some(({ allowance }) => allowance.onStoreFailure === "closed")
  );
  app.route(
    "/_gateway/health",
    health({ store: deps.store, needsWrites, shutdown: deps.shutdown }),
  );
  app.route("/_gateway/problems", problemKinds());
  const operatorOnly = admin({
    token: deps.adminToken,
    isHosted: deps.isHosted,
    forwardedHeader: settings.trust.header,
  });
  for (const path of new Set(ADMIN_ROUTES)) app.use(path, operatorOnly);
  const addressesOf = (url: string) => cacheAddresses(url, settings);
  app.route("/_gateway/cache", cacheAdmin({ cache, clock: deps.clock, addressesOf }));
  const { operator, clock } = deps;
  if (operator) app.route("/_gateway/buckets/ban", bansAdmin(operator, clock));
  app.route("/_gateway/buckets", bucketsAdmin({ settings, operator, clock, ...limits }));
  app.route("/_gateway/clients", clientsAdmin({ settings, operator, clock }));
  app.all("/_gateway/*", (c) => problems(notRouted(c, allowed(c.req.path)), c, deps.logError));
  for (const route of routes) {
    const method = route.method === "ANY" ? METHOD_NAME_ALL : route.method;
    app.on(method, [route.path], ...handlers.of(route));
  }
  const { fetch } = app;
  app.fetch = (request, ...rest) => {
    const answer = fetch(request, ...rest);
    return request.method === "HEAD" ? Promise.resolve(answer).then(unmeasured) : answer;
  };
  return app;
}

function cacheOf(
  { cacheMemory }: Settings,
  { cacheStore, clock, logError }: GatewayDependencies,
  pseudonym: string,
): OpenCache {
  return openCache({
    memoryBytes: cacheMemory,
    ...(cacheStore && { store: cacheStore }),
    clock,
    pseudonym,
    storeTimeoutMs: DEFAULTS.storeTimeoutMs,
    refreshMs: DEFAULTS.backgroundMs,
    onError: (error) => logError(error, "cache"),
  });
}

function limitsOf(deps: GatewayDependencies): Limits {
  const { buckets, clock, random, closing, logError } = deps;
  const store = new BoundedStore(buckets, clock, buckets.timeoutMs ?? DEFAULTS.storeTimeoutMs);
  const limiter = new Limiter({
    store,
    clock,
    random,
    maxBuckets: DEFAULTS.maxBuckets,
    onStoreChange: (failure) =>
      failure === undefined ? deps.store.recovered() : deps.store.failed(failure),
  });
  closing.defer(() => limiter.close());
  const ledger = new Ledger({
    store,
    clock,
    random,
    forget: (keys) => limiter.forget(keys),
    leased: (key) => limiter.leased(key),
    onError: (error) => logError(error, "operator"),
  });
  return { limiter, ledger, busiest: new Busiest(clock) };
}

function notRouted(c: Exchange, allowed: readonly string[]): GatewayError {
  const { method, path } = c.req;
  return allowed.length === 0
    ? new GatewayError("not-found", `no route is at ${path}`)
    : methodNotAllowed(method, path, allowed);
}

/**
 * What the gateway calls itself in `Via`: the same in each process that runs the same config, so
 * that a loop is seen from any of them, and another in a gateway that it is chained with.
 */
function pseudonymOf({ upstreams, routes }: Settings): string {
  const bases = upstreams.map(targetOf);
  return `sluice-${fingerprint(JSON.stringify([bases, routes.map(({ key }) => key)]))}`;
}
