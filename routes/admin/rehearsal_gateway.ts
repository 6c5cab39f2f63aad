import type { AuthSettings } from "../../lib/config/auth.ts";
import type { Settings } from "../../lib/config/gateway.ts";
import type { RouteSettings } from "../../lib/config/route.ts";
import type { UpstreamSettings } from "../../lib/config/upstream.ts";
import { BufferBudget } from "../../lib/core/buffer_budget.ts";
import { DEFAULTS } from "../../lib/core/defaults.ts";
import type { Source } from "../../lib/core/source.ts";
import { MemoryStore } from "../../lib/limiter/stores/memory_store.ts";
import { Shutdown } from "../../lib/process/shutdown.ts";
import type { Rehearsal } from "../../lib/rehearsal/rehearsal.ts";
import { StoreGuard } from "../../lib/store/store_guard.ts";
import type { GatewayDependencies } from "../dependencies.ts";

/** Memory for the buffered bodies of one rehearsal, and for its cache (bytes). */
const MEMORY = 32 * 1024 * 1024;

/** The gateway that a rehearsal is about. */
export interface RehearsedGateway {
  readonly settings: Settings;
  readonly deps: GatewayDependencies;
  /** Its name in `Via` and `Proxy-Status`. */
  readonly pseudonym: string;
  /** Returns what an upstream's calls end at, without any policy. */
  readonly transportOf: (upstream: UpstreamSettings) => Source;
}

/**
 * Returns the config of a gateway with one route, as a rehearsal needs it: a client without a key is
 * not refused, nor is a request without any credentials; no load is shed, and no target is checked in
 * the background.
 * @param headers the request's
 */
export function rehearsalSettings(
  settings: Settings,
  route: RouteSettings,
  headers: Headers,
): Settings {
  const { clients } = settings;
  return {
    ...settings,
    clients: clients && { ...clients, required: false },
    overload: undefined,
    cacheMemory: Math.min(settings.cacheMemory, MEMORY),
    routes: [withoutHealthChecks(showsCredentials(route, headers) ? route : open(route))],
  };
}

/**
 * Returns the dependencies of that gateway. It shares with the real one only what does not remember
 * calls: transports, opened resources and the directory of clients.
 * @param closing closes it after the rehearsal
 */
export function rehearsalDependencies(
  { deps, pseudonym, transportOf }: RehearsedGateway,
  route: RouteSettings,
  rehearsal: Rehearsal,
  closing: AsyncDisposableStack,
): GatewayDependencies {
  const { clock, random, http, background, operator, isHosted, logError } = deps;
  return {
    clock,
    random,
    http,
    background,
    closing,
    shutdown: new Shutdown(clock),
    buffers: new BufferBudget(MEMORY),
    resources: {
      source: ({ name }) => {
        const upstream = upstreamsOf(route).find((upstream) => upstream.name === name);
        if (upstream === undefined) throw new Error(`no upstream is ${name}`);
        return transportOf(upstream);
      },
      close: () => Promise.resolve(), // they go on
    },
    buckets: new MemoryStore(clock),
    store: new StoreGuard({
      clock,
      random,
      timeoutMs: DEFAULTS.storeTimeoutMs,
      read: () => Promise.resolve(),
      log() {},
    }),
    ...(operator && { operator }),
    operatorTokens: [],
    isHosted,
    logAccess() {},
    logAudit() {},
    logFault() {},
    logError,
    observers: [{}], // so that attempts are recorded
    rehearsal: { pseudonym, policy: (caller) => rehearsal.policy(caller) },
  };
}

function showsCredentials({ auth }: RouteSettings, headers: Headers): boolean {
  return auth.length === 0 ||
    auth.some((way) => credentialHeaders(way).some((name) => headers.has(name)));
}

function credentialHeaders(way: AuthSettings): readonly string[] {
  if (way.kind === "external") return way.headers;
  return [way.kind === "jwt" || way.key === "bearer" ? "authorization" : way.key.header];
}

/** What a route requires besides is mostly about who the client is. */
function open(route: RouteSettings): RouteSettings {
  return { ...route, auth: [], require: undefined };
}

function upstreamsOf(route: RouteSettings): UpstreamSettings[] {
  if ("to" in route) return [route.to];
  return "parts" in route ? route.parts.map(({ upstream }) => upstream) : [];
}

function withoutHealthChecks(route: RouteSettings): RouteSettings {
  if ("to" in route) return { ...route, to: unchecked(route.to) };
  if (!("parts" in route)) return route;
  const parts = route.parts.map((part) => ({ ...part, upstream: unchecked(part.upstream) }));
  return { ...route, parts };
}

function unchecked(upstream: UpstreamSettings): UpstreamSettings {
  return "health" in upstream ? { ...upstream, health: undefined } : upstream;
}
