import { InFlight } from "../lib/async/in_flight.ts";
import { Overload } from "../lib/async/overload.ts";
import { ClientHashes } from "../lib/operator/client_hashes.ts";
import { configuredClients } from "../lib/operator/client_directory.ts";
import { DEFAULTS } from "../lib/core/defaults.ts";
import type { Settings } from "../lib/config/gateway.ts";
import type { RouteSettings } from "../lib/config/route.ts";
import { GatewayError, methodNotAllowed } from "../lib/core/errors.ts";
import { shortHash } from "../lib/core/short_hash.ts";
import { isReservedPath } from "../lib/http/reserved_path.ts";
import type { Observer } from "../lib/observe/observer.ts";
import { WaitRecorder } from "../lib/observe/wait_recorder.ts";
import { ResponseCoder } from "../lib/coding/response_coder.ts";
import { ResponseSender } from "../lib/http/response_sender.ts";
import { Sources } from "../lib/upstream/sources.ts";
import { targetOf } from "../lib/upstream/target.ts";
import { accessLog } from "../middleware/access_log.ts";
import { allowAddresses } from "../middleware/allow_addresses.ts";
import { acceptQuery } from "../middleware/accept_query.ts";
import { admission } from "../middleware/admission.ts";
import { authenticate } from "../middleware/authenticate.ts";
import type { Bindings } from "../middleware/bindings.ts";
import { client, type ClientOptions } from "../middleware/client.ts";
import { cors, CORS_HEADERS } from "../middleware/cors.ts";
import { deadline } from "../middleware/deadline.ts";
import { Exchange } from "../middleware/exchange.ts";
import { head } from "../middleware/head.ts";
import { keepPrivate } from "../middleware/keep_private.ts";
import { loop } from "../middleware/loop.ts";
import { methodCase } from "../middleware/method_case.ts";
import type { Endpoint, Middleware, Way } from "../middleware/middleware.ts";
import { notInBatch } from "../middleware/not_in_batch.ts";
import { noWebSocket } from "../middleware/no_web_socket.ts";
import { options } from "../middleware/options.ts";
import { partHeaders } from "../middleware/part_headers.ts";
import { path } from "../middleware/path.ts";
import { problemCoding } from "../middleware/problem_coding.ts";
import { problems } from "../middleware/problems.ts";
import { proxyStatus } from "../middleware/proxy_status.ts";
import { rateLimit } from "../middleware/rate_limit.ts";
import { refuse } from "../middleware/refuse.ts";
import { refuseBlocked } from "../middleware/refuse_blocked.ts";
import { refuseOverload } from "../middleware/refuse_overload.ts";
import { requestId } from "../middleware/request_id.ts";
import { requestSize } from "../middleware/request_size.ts";
import { require } from "../middleware/require.ts";
import { reserved } from "../middleware/reserved.ts";
import { run } from "../middleware/run.ts";
import { traceRequest } from "../middleware/trace_request.ts";
import { secureHeaders } from "../middleware/secure_headers.ts";
import { unsupported } from "../middleware/unsupported.ts";
import { aggregate } from "./aggregate.ts";
import { openAuth } from "./auth.ts";
import { batch } from "./batch.ts";
import type { GatewayDependencies } from "./dependencies.ts";
import { forward } from "./forward.ts";
import { OWN_PREFIX, OWN_ROUTES, ownRoutes } from "./own_routes.ts";
import { RouteTree } from "./route_tree.ts";
import { openShared, type Shared } from "./shared.ts";
import { WebSockets } from "./web_socket.ts";

/** What a route says in place of the gateway's settings about every request. */
type Overrides =
  & Pick<RouteSettings, "cors" | "maxRequestBody">
  & Partial<Pick<RouteSettings, "method">>;

/** The gateway, as the handler of a server. */
export interface BuiltGateway {
  /** Responds to a request; never rejects. */
  readonly fetch: (request: Request, bindings: Bindings) => Promise<Response>;
  /** Resolves when no request is in flight. */
  readonly idle: () => Promise<void>;
}

/**
 * Builds the gateway of a config: the two lists of middleware, and the routes.
 * @param shared what it shares with the gateway before a reload; opened for it alone by default
 */
export function buildGateway(
  settings: Settings,
  deps: GatewayDependencies,
  shared: Shared = openShared(settings, deps),
): BuiltGateway {
  const { clock, background, buffers, shutdown, operator, logAccess, logError } = deps;
  const { metrics, traffic } = deps;
  const observers: readonly Observer[] = [...deps.observers ?? [], metrics, traffic]
    .filter((observer) => observer !== undefined);
  const { ipv6Prefix } = settings;
  const wall = () => clock.wall();
  const hashes = operator?.clientHashes ?? new ClientHashes();
  const [own, routes] = [new RouteTree<Way>(), new RouteTree<Way>()];
  const ownMethods = new RouteTree<void>();
  for (const route of OWN_ROUTES) ownMethods.add(route);
  const allowed = (pathname?: string) => {
    if (pathname === undefined) return routes.allMethods();
    return isReservedPath(pathname) ? ownMethods.allowed(pathname) : routes.allowed(pathname);
  };
  const takesQueries = (pathname: string) =>
    routes.match("QUERY", pathname)?.value.takesQueries ?? false;
  const isOwn = (pathname: string) => ownMethods.has(pathname);
  const pseudonym = deps.rehearsal?.pseudonym ?? pseudonymOf(settings);
  const { limits, cache, queue, load, upstreams } = shared;
  const { maxInFlight, maxLag: maxLagMs } = settings.overload ?? {};
  const overload = new Overload({
    maxInFlight,
    maxLagMs,
    lagMs: () => queue.lagMs,
    now: () => clock.monotonic(),
    load,
    report: (text: string) => logError(text, "overload"),
  });
  const sources = new Sources(settings, {
    ...deps,
    observers,
    upstreams,
    cache: cache.cache.named(pseudonym),
    limiter: limits.limiter,
    pseudonym,
    overload,
    attempted: deps.rehearsal?.policy,
  });
  const inFlight = new InFlight();
  const onDecision = metrics &&
    ((limit: string, decision: string) => metrics.limitDecided(limit, decision));
  const waits = observers.length > 0 ? new WaitRecorder("limits", { clock }) : undefined;
  const auth = openAuth(settings.auth, { ...deps, sources });
  const waysOf = (route: RouteSettings) => route.auth.flatMap(({ name }) => auth.get(name) ?? []);
  const sender = new ResponseSender(clock, settings.sendTimeoutMs);
  const coder = new ResponseCoder(cache.coded);

  const log = accessLog({ clock, log: logAccess, hashes, shutdown, observers, inFlight });
  const hasCors = settings.cors !== undefined || settings.routes.some(({ cors }) => cors);
  const accessTo = (method: string, path: string) => {
    const matched = routes.match(method, path);
    return matched ? matched.value.cors : settings.cors;
  };

  // Every request meets these, in this order, whether a route matches it or not.
  const everyRequest = ({ cors: access, maxRequestBody, method }: Overrides) => [
    requestId(clock, observers.length > 0),
    deps.tracing && traceRequest(deps.tracing),
    log,
    hasCors && cors({ access, accessTo, allowedMethods: allowed, isOptions: method === "OPTIONS" }),
    head(),
    unsupported(),
    methodCase(allowed),
    path(),
    reserved(isOwn),
    loop(pseudonym),
    options(allowed, method === "OPTIONS", takesQueries),
    requestSize(maxRequestBody),
  ];

  // A request that matches a route of the config then meets these, because they depend on the route:
  // its deadline, its limits, its kind. The gateway's own routes skip them: health needs no tokens.
  const notBlocked = refuseBlocked(operator, clock);
  const identify = client({
    trust: settings.trust,
    clients: clientsOf(settings, deps),
    refuseBlocked: notBlocked,
  });
  const matchedRequest = (route: RouteSettings) => {
    const { key, deadlineMs, limits: limited, cost, addresses } = route;
    const lateMs = "max" in route ? DEFAULTS.stopBatchMs : 0;
    return [
      !takesWebSockets(route) && noWebSocket(),
      route.compress && problemCoding(coder),
      "max" in route && notInBatch("another batch"),
      // Not a batch: each request in it counts.
      !("max" in route) && overload.isLimited && refuseOverload(overload),
      settings.secureHeaders && secureHeaders(),
      deadline({ route: key, deadlineMs, clock, background, buffers, shutdown, lateMs }),
      identify,
      (addresses.allow || addresses.deny.length > 0) && allowAddresses(addresses),
      route.auth.length > 0 && authenticate({ ways: waysOf(route), refuseBlocked: notBlocked }),
      limited.length > 0 &&
      rateLimit({
        ...limits,
        route: key,
        limits: limited,
        cost,
        ipv6Prefix,
        wall,
        waits,
        onDecision,
      }),
      (settings.clients?.required || route.auth.length > 0) && refuse(),
      route.require && require(route.require, route.auth.some(({ kind }) => kind === "jwt")),
      route.auth.length > 0 && keepPrivate(),
      readsQueries(route) && acceptQuery(),
      "parts" in route &&
      partHeaders({ pseudonym, honoursHandling: route.quorum === undefined, logError }),
      "to" in route && proxyStatus(pseudonym),
      // Not a batch: each request in it queues.
      !("max" in route) && admission(queue),
    ];
  };
  const endpoint = (route: RouteSettings): Endpoint => {
    const { trust, clients } = settings;
    const { maxRequestBody } = route;
    const sending = { sender, coder: route.compress ? coder : undefined };
    if ("parts" in route) {
      // Only an envelope can be replayed as records.
      const isEnvelope = !route.form?.answer && !route.form?.merge;
      const isStored = route.cache !== undefined && !route.isFirst;
      return aggregate({
        ...sources.aggregate(route),
        isStored,
        isEnvelope,
        maxRequestBody,
        clock,
        ...sending,
      });
    }
    if ("to" in route) {
      const { webSocketSource, ...called } = sources.forward(route);
      return forward({
        ...called,
        webSockets: webSocketSource && route.webSocket && new WebSockets({
          ...route.webSocket,
          source: webSocketSource,
          corsOrigins: route.cors?.origins ?? [],
          sendTimeoutMs: settings.sendTimeoutMs,
          clock,
          shutdown,
        }),
        strip: route.strip,
        sentPath: route.sentPath,
        fixedSegments: route.path.split("/").length - 2,
        request: route.request,
        response: route.response,
        rewriteCookies: route.rewriteCookies,
        passHeaders: route.passHeaders,
        credentials: route.passCredentials ? [] : waysOf(route).flatMap(({ headers }) => headers),
        clientKey: route.passClientKey ? undefined : clients?.key,
        trust,
        pseudonym,
        ownHeaders: route.cors ? CORS_HEADERS : [],
        maxRequestBody,
        ...sending,
      });
    }
    return batch({
      ...route,
      maxRequestBody,
      forwardedHeader: trust.header,
      clock,
      ...sending,
      dispatch: fetch,
    });
  };

  const problem = (error: unknown, c: Exchange) => problems(error, c, logError, shutdown.isBegun);
  const notRouted = (c: Exchange) => {
    throw notFound(c, allowed(c.path));
  };
  const way = (
    more: readonly (Middleware | false | undefined)[],
    endpoint: Endpoint,
    overrides: Overrides = settings,
    isQueried = false,
  ): Way => ({
    // All of the same shape, so that reading their functions is fast.
    middleware: [...everyRequest(overrides), ...more].filter(isMiddleware)
      .map(({ before, after }) => ({ before, after })),
    endpoint,
    problem,
    cors: overrides.cors,
    takesQueries: isQueried,
  });
  const notInBatches = notInBatch("requests to the gateway's own routes");
  for (
    const route of ownRoutes(settings, deps, {
      cache,
      limits,
      upstreams: () => sources.status(),
      load: () => ({ inFlight: inFlight.count, lagMs: queue.lagMs }),
      sessions: shared.sessions,
      attempts: shared.attempts,
      pseudonym,
      transportOf: (upstream) => sources.transportOf(upstream),
      build: buildGateway,
      notRouted,
    })
  ) {
    own.add(route, way([noWebSocket(), notInBatches], route.endpoint));
  }
  for (const route of settings.routes) {
    routes.add(route, way(matchedRequest(route), endpoint(route), route, readsQueries(route)));
  }
  const unmatched = way([noWebSocket()], notRouted);

  function fetch(request: Request, bindings: Bindings): Promise<Response> {
    const c = new Exchange(request, bindings);
    const ofOwn = c.path.startsWith(OWN_PREFIX) ? own.match(c.method, c.path) : undefined;
    const matched = ofOwn ?? routes.match(c.method, c.path);
    if (matched) c.params = matched.params;
    return run(c, matched?.value ?? unmatched);
  }
  return { fetch, idle: () => inFlight.idle() };
}

function takesWebSockets(route: RouteSettings): boolean {
  return "to" in route && route.webSocket !== undefined;
}

/** Whether it reads the body of a QUERY as JSON; a forward leaves that to the upstream. */
function readsQueries(route: RouteSettings): boolean {
  return route.method === "QUERY" && "parts" in route && route.readsBody;
}

function isMiddleware(entry: Middleware | false | undefined): entry is Middleware {
  return typeof entry === "object";
}

function clientsOf({ clients }: Settings, deps: GatewayDependencies): ClientOptions["clients"] {
  if (clients === undefined) return undefined;
  const { key, required, known } = clients;
  const directory = known ? configuredClients(known) : deps.operator?.clients;
  return { key, required, directory: directory ?? configuredClients([]) };
}

function notFound({ method, path }: Exchange, allowed: readonly string[]): GatewayError {
  return allowed.length === 0
    ? new GatewayError("not-found", `no route matches ${path}`)
    : methodNotAllowed(method, path, allowed);
}

/**
 * The gateway's name in `Via` and `Proxy-Status`: the same in every process with the same config, so
 * that each of them detects a loop, and different from that of another gateway in the chain.
 */
function pseudonymOf({ upstreams, routes }: Settings): string {
  const bases = upstreams.map(targetOf);
  return `sluice-${shortHash(JSON.stringify([bases, routes.map(({ key }) => key)]))}`;
}
