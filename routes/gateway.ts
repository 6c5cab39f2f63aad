import { type Handler, Hono } from "hono";
import { METHOD_NAME_ALL } from "hono/router";
import type { Background } from "../lib/background.ts";
import type { HttpCache } from "../lib/cache/http_cache.ts";
import { type OpenCache, openCache } from "../lib/cache/open_cache.ts";
import type { CacheStore } from "../lib/cache/store.ts";
import { configuredClients } from "../lib/client_directory.ts";
import type { Clock, Random } from "../lib/clock.ts";
import { DEFAULTS } from "../lib/config/defaults.ts";
import { templateNames } from "../lib/config/template_names.ts";
import type {
  BatchSettings,
  ForwardSettings,
  GatherSettings,
  PartSettings,
  RouteSettings,
  Settings,
  UpstreamSettings,
} from "../lib/config/settings.ts";
import { GatewayError, methodNotAllowed } from "../lib/errors.ts";
import { fingerprint } from "../lib/fingerprint.ts";
import { gather } from "../lib/gather.ts";
import { type GatherPart, GatherPlan } from "../lib/gather_plan.ts";
import { BoundedStore } from "../lib/limiter/bounded_store.ts";
import { Busiest } from "../lib/limiter/busiest.ts";
import { Ledger } from "../lib/limiter/ledger.ts";
import { Limiter } from "../lib/limiter/limiter.ts";
import type { BucketStore } from "../lib/limiter/store.ts";
import type { Operator } from "../lib/operator/operator.ts";
import { expandCall } from "../lib/part_call.ts";
import type { Resources } from "../lib/resources.ts";
import type { Source } from "../lib/source.ts";
import {
  aggregateStack,
  forwardStack,
  pagedList,
  partStack,
  type StackDependencies,
} from "../lib/stack.ts";
import { functionSource } from "../lib/transport/function.ts";
import { workerSource } from "../lib/transport/worker_source.ts";
import { type UpstreamState, upstreamState } from "../lib/upstream_state.ts";
import { admin } from "../middleware/admin.ts";
import { type AccessEntry, accessLog } from "../middleware/access_log.ts";
import { client, type ClientOptions } from "../middleware/client.ts";
import { cors, CORS_HEADERS } from "../middleware/cors.ts";
import { deadline } from "../middleware/deadline.ts";
import type { Env, Exchange, Middleware } from "../middleware/env.ts";
import { head } from "../middleware/head.ts";
import { knownClient } from "../middleware/known_client.ts";
import { loop } from "../middleware/loop.ts";
import { methodCase } from "../middleware/method_case.ts";
import { notInBatch } from "../middleware/not_in_batch.ts";
import { options } from "../middleware/options.ts";
import { partHeaders } from "../middleware/part_headers.ts";
import { path } from "../middleware/path.ts";
import { problems } from "../middleware/problems.ts";
import { rateLimit } from "../middleware/rate_limit.ts";
import { refuseBanned } from "../middleware/refuse_banned.ts";
import { requestId } from "../middleware/request_id.ts";
import { requestSize } from "../middleware/request_size.ts";
import { unsupported } from "../middleware/unsupported.ts";
import { bansAdmin } from "./admin/bans.ts";
import { bucketsAdmin } from "./admin/buckets.ts";
import { cacheAdmin } from "./admin/cache.ts";
import { cacheAddresses } from "./admin/cache_addresses.ts";
import { clientsAdmin } from "./admin/clients.ts";
import { aggregate } from "./aggregate.ts";
import { batch, type BatchOptions } from "./batch.ts";
import { forward } from "./forward.ts";
import { health } from "./health.ts";
import { problemKinds } from "./problem_kinds.ts";
import { unmeasured } from "./unmeasured.ts";
import { allowedMethods, bySpecificity, type Routed } from "./route_table.ts";

/** What a gateway needs from outside. */
export interface GatewayDependencies {
  readonly clock: Clock;
  /** The Source of an HTTP API, by its base URL with no slash at the end. */
  readonly http: (base: string) => Source;
  readonly background: Background;
  /** What is to end after the last request is put here; the newest ends first. */
  readonly closing: AsyncDisposableStack;
  /** Holds what function sources keep open. */
  readonly resources: Resources;
  /** Where buckets are; asked only when some route has a limit. */
  readonly buckets: BucketStore;
  /** What the operator changes while the gateway runs; absent: nobody is banned, or known but by the config. */
  readonly operator?: Operator;
  readonly random: Random;
  /** What processes share of the cache; absent when each keeps for itself. */
  readonly cacheStore?: CacheStore;
  /** Shows who may use the operator's routes; undefined: whoever asks from this machine. */
  readonly adminToken: string | undefined;
  /** Rejects when the store cannot be read. */
  readonly readStore: () => Promise<unknown>;
  /** Told of each request, once it was answered. */
  readonly logAccess: (entry: AccessEntry) => void;
  /** Told of what went wrong inside, and why. */
  readonly logError: (error: unknown, requestId: string) => void;
}

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
  { method: "PATCH", path: "/_gateway/clients/:name" },
  { method: "DELETE", path: "/_gateway/clients/:name" },
  { method: "POST", path: "/_gateway/clients/:name/keys" },
  { method: "DELETE", path: "/_gateway/clients/:name/keys" },
];
/** The operator's. */
const ADMIN_ROUTES = ["/_gateway/buckets/*", "/_gateway/cache/*", "/_gateway/clients/*"];

/** The gateway as an app: middleware in the order a request meets it, then the routes. */
export function createGateway(settings: Settings, deps: GatewayDependencies): Hono<Env> {
  const routes = bySpecificity(settings.routes);
  const allowed = (pathname: string) =>
    allowedMethods(/^\/_gateway(?:\/|$)/.test(pathname) ? OWN_ROUTES : routes, pathname);
  const pseudonym = pseudonymOf(settings);
  const cache = cacheOf(settings, deps, pseudonym);
  const limits = limitsOf(deps);
  const app = new Hono<Env>();
  const ask: BatchOptions["ask"] = async (request, bindings) => await app.fetch(request, bindings);
  const handlers = new Handlers(settings, deps, { pseudonym, cache: cache.cache, limits, ask });

  app.onError((error, c) => problems(error, c, deps.logError));
  app.notFound((c) => problems(notRouted(c, allowed(c.req.path)), c, deps.logError));

  app.use(requestId(deps.clock));
  app.use(accessLog({ clock: deps.clock, log: deps.logAccess }));
  if (settings.cors) app.use(cors(settings.cors, allowed));
  app.use(head());
  app.use(unsupported());
  app.use(methodCase(allowed));
  app.use(path());
  app.use(loop(pseudonym));
  app.use(options(allowed));
  app.use(requestSize(settings.maxRequestBody));

  app.use("/_gateway/*", notInBatch("requests to the gateway's own routes"));
  app.route("/_gateway/health", health(deps.readStore));
  app.route("/_gateway/problems", problemKinds());
  for (const path of ADMIN_ROUTES) app.use(path, admin(deps.adminToken));
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

/** What counts the requests of all routes. */
interface Limits {
  readonly limiter: Limiter;
  readonly ledger: Ledger;
  readonly busiest: Busiest;
}

/** What all routes have in common. */
interface Common {
  readonly pseudonym: string;
  readonly cache: HttpCache;
  readonly limits: Limits;
  readonly ask: BatchOptions["ask"];
}

/** Builds each route's handlers; what belongs to an upstream is built once and shared. */
class Handlers {
  readonly #settings: Settings;
  readonly #deps: GatewayDependencies;
  readonly #pseudonym: string;
  readonly #cache: HttpCache;
  readonly #upstreams = new Map<string, UpstreamState>();
  readonly #limits: Limits;
  readonly #ask: BatchOptions["ask"];
  readonly #identify: Middleware;

  constructor(
    settings: Settings,
    deps: GatewayDependencies,
    { pseudonym, cache, limits, ask }: Common,
  ) {
    this.#settings = settings;
    this.#deps = deps;
    this.#pseudonym = pseudonym;
    this.#cache = cache;
    this.#limits = limits;
    this.#ask = ask;
    this.#identify = client({
      trust: settings.trust,
      clients: clientsOf(settings, deps),
      refuseBanned: refuseBanned(deps.operator, deps.clock),
    });
  }

  /** What a route's request meets: who asks and whether it may, then the route itself. */
  of(route: RouteSettings): Handler<Env>[] {
    const { clock, background, logError } = this.#deps;
    const { key, deadlineMs, limits, cost } = route;
    const admission: Middleware[] = [
      deadline({ route: key, deadlineMs, clock, background }),
      this.#identify,
    ];
    if (limits.length > 0) {
      admission.push(rateLimit({ route: key, limits, cost, ...this.#limits }));
    }
    if (this.#settings.clients?.required) admission.push(knownClient(this.#settings.clients.key));
    if ("max" in route) {
      return [notInBatch("another batch"), ...admission, this.#batch(route)];
    }
    return "parts" in route
      ? [
        ...admission,
        partHeaders({
          pseudonym: this.#pseudonym,
          honoursHandling: route.quorum === undefined,
          logError,
        }),
        this.#aggregate(route),
      ]
      : [...admission, this.#forward(route)];
  }

  #aggregate(route: GatherSettings): Handler<Env> {
    const { parts, readsBody, quorum, isFirst, cache } = route;
    const { clock } = this.#deps;
    const plan = new GatherPlan(parts.map((part) => this.#part(part)), {
      clock,
      ...(readsBody ? { readsBody: this.#settings.maxRequestBody } : {}),
      ...(quorum === undefined ? {} : { quorum }),
    });
    const freshness = cache && { ttlMs: cache.ttlMs, clock };
    const whole = gather(plan, { isFirst, ...(freshness && { freshness }) });
    return aggregate({
      plan,
      source: aggregateStack(whole, route, this.#cache),
      isKept: cache !== undefined && !isFirst,
      clock,
    });
  }

  #part(part: PartSettings): GatherPart {
    const { name, needs, each, optional, otherwise, upstream, as, map } = part;
    const ownHeaders = {
      accept: as === "text" ? "text/*, */*;q=0.5" : "application/json",
      "user-agent": "sluice",
      via: `1.1 ${this.#pseudonym}`,
      ..."headers" in upstream ? upstream.headers : {},
    };
    const template = { ...part, ownHeaders, mapped: map ? needs : [] };
    const clientHeaders = templateNames(part).flatMap(({ reference }) =>
      reference.from === "header" ? reference.name.toLowerCase() : []
    );
    const pages = pagedList(part);
    const isAuthorized = [...Object.keys(ownHeaders), ...Object.keys(part.headers)]
      .some((name) => name.toLowerCase() === "authorization");
    return {
      name,
      needs,
      clientHeaders,
      isAuthorized,
      ...(each && { each }),
      ...(pages && { pages }),
      optional,
      otherwise,
      source: partStack(part, this.#stackDependencies(upstream)),
      call: (inputs) => expandCall(template, inputs),
    };
  }

  #batch({ max, concurrency, maxBody, maxTotal }: BatchSettings): Handler<Env> {
    const { maxRequestBody, trust } = this.#settings;
    const { clock } = this.#deps;
    const ask = this.#ask;
    const forwardedHeader = trust.header;
    return batch({
      max,
      concurrency,
      maxBody,
      maxTotal,
      maxRequestBody,
      forwardedHeader,
      clock,
      ask,
    });
  }

  #forward(route: ForwardSettings): Handler<Env> {
    const { to, strip } = route;
    return forward({
      source: forwardStack(route, this.#stackDependencies(to)),
      strip,
      pseudonym: this.#pseudonym,
      ownHeaders: this.#settings.cors ? CORS_HEADERS : [],
      maxRequestBody: this.#settings.maxRequestBody,
      headers: "headers" in to ? to.headers : {},
      ..."base" in to ? { base: to.base } : {},
    });
  }

  #stackDependencies(upstream: UpstreamSettings): StackDependencies {
    const { clock, random } = this.#deps;
    return { upstream: this.#upstream(upstream), cache: this.#cache, clock, random };
  }

  #upstream(settings: UpstreamSettings): UpstreamState {
    const known = this.#upstreams.get(settings.name);
    if (known) return known;
    const state = upstreamState(settings, this.#transport(settings), this.#deps.clock);
    this.#upstreams.set(settings.name, state);
    return state;
  }

  #transport(settings: UpstreamSettings): Source {
    if ("worker" in settings) {
      const { clock, resources, logError } = this.#deps;
      const onError = (error: unknown) => logError(error, `worker ${settings.name}`);
      const opened = workerSource(settings, { clock, onError });
      return functionSource(resources.source({ ...settings, ...opened }));
    }
    if ("open" in settings) return functionSource(this.#deps.resources.source(settings));
    if ("source" in settings) return functionSource(settings.source);
    return this.#deps.http(settings.base.origin + settings.base.pathname.replace(/\/$/, ""));
  }
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

function limitsOf({ buckets, clock, random, closing, logError }: GatewayDependencies): Limits {
  const store = new BoundedStore(buckets, clock, DEFAULTS.storeTimeoutMs);
  const limiter = new Limiter({
    store,
    clock,
    random,
    maxBuckets: DEFAULTS.maxBuckets,
    onStoreChange: (failure) => logError(failure ?? "the store is back", "limiter"),
  });
  closing.defer(() => limiter.close());
  const ledger = new Ledger({
    store,
    clock,
    forget: (keys) => limiter.forget(keys),
    leased: (key) => limiter.leased(key),
    onError: (error) => logError(error, "operator"),
  });
  return { limiter, ledger, busiest: new Busiest(clock) };
}

function clientsOf({ clients }: Settings, deps: GatewayDependencies): ClientOptions["clients"] {
  if (clients === undefined) return undefined;
  const { key, required, known } = clients;
  const directory = known ? configuredClients(known) : deps.operator?.clients;
  return { key, required, directory: directory ?? configuredClients([]) };
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
  const bases = upstreams.map((upstream) =>
    "base" in upstream ? upstream.base.href : upstream.name
  );
  return `sluice-${fingerprint(JSON.stringify([bases, routes.map(({ key }) => key)]))}`;
}
