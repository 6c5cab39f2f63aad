import type { Overload } from "../async/overload.ts";
import type { HttpCache } from "../cache/http_cache.ts";
import { FieldList } from "../core/field_list.ts";
import { clientHeadersOf, sendsAuthorization } from "../config/client_headers.ts";
import type { Settings } from "../config/gateway.ts";
import type { PartSettings } from "../config/part.ts";
import type { ForwardSettings, GatherSettings } from "../config/route.ts";
import type { UpstreamSettings } from "../config/upstream.ts";
import { gather } from "../gather/gather.ts";
import type { GatherPart } from "../gather/gather_part.ts";
import { GatherPlan } from "../gather/gather_plan.ts";
import type { Observer } from "../observe/observer.ts";
import { HeaderKey } from "../http/header_key.ts";
import { keyedForwardHeaders } from "../http/keyed_headers.ts";
import { expandCall } from "../template/part_call.ts";
import type { Random } from "../core/clock.ts";
import type { Policy, Source } from "../core/source.ts";
import { pagedList } from "./paged_list.ts";
import { partRefusal } from "./part_refusal.ts";
import { batchKey } from "./batch_key.ts";
import { batchStack, checkStack, forwardStack, partStack, valueStack } from "./stack.ts";
import type { StackDependencies } from "./stack_dependencies.ts";
import { aggregateStack } from "./aggregate_stack.ts";
import { claimKeyOf } from "./claim_key.ts";
import { valuePart } from "./value_part.ts";
import { seesClients } from "./sees_clients.ts";
import { targetOf } from "./target.ts";
import type { UpstreamStatus } from "./upstream_status.ts";
import { Upstreams, type UpstreamsDependencies } from "./upstreams.ts";

/** Dependencies of {@linkcode Sources}. */
export interface SourcesDependencies extends UpstreamsDependencies {
  readonly random: Random;
  readonly cache: HttpCache;
  readonly limiter: StackDependencies["limiter"];
  /** The load of the gateway. */
  readonly overload: Overload;
  /** The gateway's name in `Via`. */
  readonly pseudonym: string;
  /** Returns what each attempt of a part, or of a forward, goes through (default: nothing). */
  readonly attempted?: ((caller: Caller) => Policy) | undefined;
  /** Who observes requests and calls (default: nobody). */
  readonly observers?: readonly Observer[] | undefined;
}

/** A caller of an upstream: a part, or a forward route, which has no part. */
export interface Caller {
  readonly part: string | undefined;
  readonly upstream: string;
}

/** An aggregate, ready to run. */
export interface AggregateSource {
  /** For responses that stream their parts. */
  readonly plan: GatherPlan;
  /** For whole responses, through the route's cache. */
  readonly source: Source;
  /** Identifies the claims that the parts use, in the key of stored responses; absent if none are. */
  readonly claimKey: ReturnType<typeof claimKeyOf>;
}

/** A forward route's upstream, ready to be called. */
export interface ForwardSource {
  readonly source: Source;
  /** The same for WebSocket connections, which no cache stores; absent if the route takes none. */
  readonly webSocketSource?: Source;
  /** The base URL; absent for a function. */
  readonly base?: URL;
  /** The origins of its targets but the first. */
  readonly otherOrigins?: readonly string[];
  /** Headers sent with every call. */
  readonly headers: Readonly<Record<string, string>>;
  /** Identifies its configuration in cache keys; absent if no response is stored. */
  readonly headerKey: HeaderKey | undefined;
  /** Whether the upstream may choose a coding for the client, which is then passed on. */
  readonly passesCodings: boolean;
  /** Whether responses may depend on the client, too. */
  readonly keysClientHeaders: boolean;
}

/** Builds what a route calls from its settings: transports, policies and gathers. */
export class Sources {
  readonly #settings: Settings;
  readonly #deps: SourcesDependencies;
  readonly #upstreams: Upstreams;

  constructor(settings: Settings, deps: SourcesDependencies) {
    this.#settings = settings;
    this.#deps = deps;
    this.#upstreams = new Upstreams(deps);
  }

  /** Returns how each upstream that a route uses does now. */
  status(): UpstreamStatus[] {
    return this.#upstreams.status();
  }

  /** Returns what an upstream's calls end at, without any policy. */
  transportOf(upstream: UpstreamSettings): Source {
    return this.#upstreams.get(upstream).transport;
  }

  /** Returns the Source of calls that authenticate clients. */
  check(service: UpstreamSettings): Source {
    return checkStack(service, this.#stackDependencies(service, undefined));
  }

  /** The same at another origin, which a response of the service names. */
  checkAt(service: UpstreamSettings, origin: string): Source {
    const base = new URL(origin);
    const name = `${service.name} (${base.host})`;
    return this.check({ ...service, name, base, targets: [{ base, weight: 1 }] });
  }

  /** Returns the plan of an aggregate, and the Source of its whole response. */
  aggregate(route: GatherSettings): AggregateSource {
    const { parts, readsBody, quorum, isFirst, cache, form } = route;
    const { clock } = this.#deps;
    const plan = new GatherPlan(parts.map((part) => this.#part(part, cache?.isShared)), {
      clock,
      isCached: cache !== undefined,
      usesAll: Boolean(form?.answer ?? form?.merge),
      ...(readsBody ? { readsBody: route.maxRequestBody } : {}),
      ...(quorum === undefined ? {} : { quorum }),
    });
    const freshness = cache && { ttlMs: cache.ttlMs, clock };
    const whole = gather(plan, { isFirst, form, ...(freshness && { freshness }) });
    const source = aggregateStack(whole, route, this.#deps.cache);
    return { plan, source, claimKey: cache && claimKeyOf(parts) };
  }

  /** Returns the upstream of a forward route. */
  forward(route: ForwardSettings): ForwardSource {
    const { to, cache, passHeaders, passClientKey } = route;
    const headers = "headers" in to ? to.headers : {};
    const clientKey = this.#settings.clients?.key;
    // If the client's key is passed on, the upstream's responses are specific to that client.
    const rules = route.request;
    const passed = [
      ...passHeaders,
      ...passClientKey && typeof clientKey === "object" ? [clientKey.header] : [],
      ...rules ? [...rules.set, ...rules.add].map(({ name }) => name) : [],
    ];
    const deps = this.#stackDependencies(to, undefined);
    return {
      source: forwardStack(route, deps),
      ...(route.webSocket &&
        { webSocketSource: forwardStack({ ...route, cache: undefined }, deps) }),
      headers,
      headerKey: cache && new HeaderKey(targetOf(to), headers, keyedForwardHeaders(passed)),
      passesCodings: cache === undefined && "base" in to && to.transport === "socket",
      keysClientHeaders: cache?.ttlMs !== undefined && !cache.isShared,
      ..."base" in to ? { base: to.base, otherOrigins: to.otherOrigins } : {},
    };
  }

  /** Whether clients are identified by more than their addresses. */
  get #knowsClients(): boolean {
    return this.#settings.clients !== undefined || this.#settings.auth.length > 0;
  }

  #part(part: PartSettings, isShared = false): GatherPart {
    const {
      name,
      needs,
      each,
      batch,
      optional,
      otherwise,
      upstream,
      as,
      map,
      when,
      acceptsSkipped,
      isHidden,
    } = part;
    const conditions = {
      needs,
      ...(isHidden && { isHidden }),
      ...(when && { when }),
      ...(acceptsSkipped && { acceptsSkipped }),
    };
    if ("isStatic" in upstream) return { ...valuePart(part), ...conditions };
    const ownHeaders = {
      accept: as === "text" ? "text/*, */*;q=0.5" : "application/json",
      "user-agent": "sluice",
      via: `1.1 ${this.#deps.pseudonym}`,
      // The coding that nearly every server supports, at the lowest cost.
      ..."base" in upstream ? { "accept-encoding": "gzip", ...upstream.headers } : {},
    };
    const isAuthorized = sendsAuthorization(part);
    const varied = ["accept-language", ...Object.keys(part.headers)];
    const template = {
      ...part,
      ownHeaders: FieldList.of(ownHeaders).freeze(),
      mapped: map ? needs : [],
      hasOwnAuthorization: !isAuthorized,
      headerKey: part.cache && new HeaderKey(
        part.batch ? targetOf(upstream) + batchKey(part) : targetOf(upstream),
        ownHeaders,
        varied,
      ),
    };
    const pages = pagedList(part);
    const deps = this.#stackDependencies(upstream, name);
    const refusal = partRefusal(part, deps);
    return {
      ...conditions,
      name,
      clientHeaders: clientHeadersOf(part),
      isAuthorized,
      isPerClient: this.#knowsClients && seesClients(upstream) && !isShared &&
        !part.cache?.isShared,
      ...(each && { each }),
      ...(pages && { pages }),
      optional,
      otherwise,
      ...(batch && {
        batch: {
          ...batch,
          items: batch.of,
          select: part.select,
          source: batchStack(part, deps),
        },
      }),
      source: batch ? valueStack(part, deps) : partStack(part, deps),
      ...(refusal && { refusal }),
      call: (inputs) => expandCall(template, inputs),
    };
  }

  #stackDependencies(upstream: UpstreamSettings, part: string | undefined): StackDependencies {
    const { clock, random, cache, limiter, overload, attempted, observers = [] } = this.#deps;
    const caller = { part, upstream: upstream.name };
    return {
      upstream: this.#upstreams.get(upstream),
      cache,
      limiter,
      knowsClients: this.#knowsClients,
      clock,
      random,
      overload,
      attempted: attempted?.(caller),
      recorded: observers.length > 0 ? { ...caller, clock, observers } : undefined,
    };
  }
}
