import type { Handler } from "hono";
import type { HttpCache } from "../lib/cache/http_cache.ts";
import { configuredClients } from "../lib/client_directory.ts";
import { clientHeadersOf, sendsAuthorization } from "../lib/config/client_headers.ts";
import { DEFAULTS } from "../lib/config/defaults.ts";
import type { Settings } from "../lib/config/gateway.ts";
import type { PartSettings } from "../lib/config/part.ts";
import type {
  BatchSettings,
  ForwardSettings,
  GatherSettings,
  RouteSettings,
} from "../lib/config/route.ts";
import type { UpstreamSettings } from "../lib/config/upstream.ts";
import { gather } from "../lib/gather.ts";
import { type GatherPart, GatherPlan } from "../lib/gather_plan.ts";
import { HeaderKey } from "../lib/http/header_key.ts";
import { toldByForward } from "../lib/http/told_by_forward.ts";
import type { Busiest } from "../lib/limiter/busiest.ts";
import type { Ledger } from "../lib/limiter/ledger.ts";
import type { Limiter } from "../lib/limiter/limiter.ts";
import { expandCall } from "../lib/part_call.ts";
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
import { seesClients } from "../lib/upstream/sees_clients.ts";
import { targetOf } from "../lib/upstream/target.ts";
import { type UpstreamState, upstreamState } from "../lib/upstream_state.ts";
import { client, type ClientOptions } from "../middleware/client.ts";
import { CORS_HEADERS } from "../middleware/cors.ts";
import { deadline } from "../middleware/deadline.ts";
import type { Env, Middleware } from "../middleware/env.ts";
import { knownClient } from "../middleware/known_client.ts";
import { notInBatch } from "../middleware/not_in_batch.ts";
import { partHeaders } from "../middleware/part_headers.ts";
import { proxyStatus } from "../middleware/proxy_status.ts";
import { rateLimit } from "../middleware/rate_limit.ts";
import { refuseBanned } from "../middleware/refuse_banned.ts";
import { aggregate } from "./aggregate.ts";
import { batch, type BatchOptions } from "./batch.ts";
import { forward } from "./forward.ts";
import type { GatewayDependencies } from "./dependencies.ts";

/** What counts the requests of all routes. */
export interface Limits {
  readonly limiter: Limiter;
  readonly ledger: Ledger;
  readonly busiest: Busiest;
}

/** What all routes have in common. */
export interface HandlersOptions {
  readonly pseudonym: string;
  readonly cache: HttpCache;
  readonly limits: Limits;
  readonly ask: BatchOptions["ask"];
}

/** Builds each route's handlers; what belongs to an upstream is built once and shared. */
export class Handlers {
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
    { pseudonym, cache, limits, ask }: HandlersOptions,
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
    const { clock, background, shutdown, logError } = this.#deps;
    const { key, deadlineMs, limits, cost } = route;
    const lateMs = "max" in route ? DEFAULTS.stopBatchMs : 0;
    const admission: Middleware[] = [
      deadline({ route: key, deadlineMs, clock, background, shutdown, lateMs }),
      this.#identify,
    ];
    if (limits.length > 0) {
      const { ipv6Prefix } = this.#settings;
      admission.push(rateLimit({ route: key, limits, cost, ipv6Prefix, ...this.#limits }));
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
      : [...admission, proxyStatus(this.#pseudonym), this.#forward(route)];
  }

  #aggregate(route: GatherSettings): Handler<Env> {
    const { parts, readsBody, quorum, isFirst, cache } = route;
    const { clock } = this.#deps;
    const plan = new GatherPlan(parts.map((part) => this.#part(part, cache?.isShared)), {
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

  #part(part: PartSettings, isShared = false): GatherPart {
    const { name, needs, each, optional, otherwise, upstream, as, map } = part;
    const ownHeaders = {
      accept: as === "text" ? "text/*, */*;q=0.5" : "application/json",
      "user-agent": "sluice",
      via: `1.1 ${this.#pseudonym}`,
      // The coding that nearly every server has, and that costs it the least.
      ..."base" in upstream ? { "accept-encoding": "gzip", ...upstream.headers } : {},
    };
    const isAuthorized = sendsAuthorization(part);
    const varied = ["accept-language", ...Object.keys(part.headers)];
    const template = {
      ...part,
      ownHeaders,
      mapped: map ? needs : [],
      hasOwnAuthorization: !isAuthorized,
      headerKey: part.cache && new HeaderKey(targetOf(upstream), ownHeaders, varied),
    };
    const pages = pagedList(part);
    return {
      name,
      needs,
      clientHeaders: clientHeadersOf(part),
      isAuthorized,
      isPerClient: this.#settings.clients !== undefined && seesClients(upstream) &&
        !isShared && !part.cache?.isShared,
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
    const { to, strip, passHeaders, passClientKey } = route;
    const headers = "headers" in to ? to.headers : {};
    const clientKey = this.#settings.clients?.key;
    // Where a client's key passes, what the upstream makes of it is that client's.
    const passed = passClientKey && typeof clientKey === "object"
      ? [...passHeaders, clientKey.header]
      : passHeaders;
    return forward({
      source: forwardStack(route, this.#stackDependencies(to)),
      strip,
      passHeaders,
      clientKey: passClientKey ? undefined : clientKey,
      trust: this.#settings.trust,
      pseudonym: this.#pseudonym,
      ownHeaders: this.#settings.cors ? CORS_HEADERS : [],
      maxRequestBody: this.#settings.maxRequestBody,
      headers,
      headerKey: route.cache &&
        new HeaderKey(targetOf(to), headers, toldByForward(passed)),
      ..."base" in to ? { base: to.base } : {},
    });
  }

  #stackDependencies(upstream: UpstreamSettings): StackDependencies {
    const { clock, random } = this.#deps;
    return {
      upstream: this.#upstream(upstream),
      cache: this.#cache,
      knowsClients: this.#settings.clients !== undefined,
      clock,
      random,
    };
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
    const base = settings.base.origin + settings.base.pathname.replace(/\/$/, "");
    return this.#deps.http(base, settings.transport);
  }
}

function clientsOf({ clients }: Settings, deps: GatewayDependencies): ClientOptions["clients"] {
  if (clients === undefined) return undefined;
  const { key, required, known } = clients;
  const directory = known ? configuredClients(known) : deps.operator?.clients;
  return { key, required, directory: directory ?? configuredClients([]) };
}
