import { deltaMs, type Directives, parseDirectives } from "./directives.ts";
import type { ResponseMetadata } from "./entry.ts";
import { ageMs, type FreshnessSettings, lifetimeMs, storedRules } from "./freshness.ts";

/** The config's settings for a cache. */
export interface CacheSettings extends FreshnessSettings {
  /** Stale-while-revalidate: how long past its freshness a response is served during revalidation (ms). */
  readonly staleMs: number | undefined;
  /** Stale-if-error: how long past its freshness a response is served when the origin fails (ms). */
  readonly staleIfErrorMs: number | undefined;
  /** Whether responses to requests with a Cookie, or of a function, may be shared (default false). */
  readonly isShared?: boolean;
}

/** How a stored response may be reused for a request. */
export interface Reuse {
  /**
   * `fresh`: as it is. `stale`: as it is, while it is revalidated. `validate`: only after validation.
   * `none`: not at all.
   */
  readonly use: "fresh" | "stale" | "validate" | "none";
  /** How long it stays fresh (ms); negative when it is stale. */
  readonly remainingMs: number;
  /** Whether it may be served stale when the origin fails. */
  readonly mayServeOnError: boolean;
  /** Whether it may be served stale when the origin cannot be reached. */
  readonly mayServeDisconnected: boolean;
  /** Whether the request itself demands validation. */
  readonly isRequested: boolean;
  /** Whether each use must be validated, however fresh it is (`no-cache`). */
  readonly mustValidate: boolean;
}

/** The time of a lookup (wall clock, ms since 1970). */
export interface Moment {
  readonly now: number;
  /** When a soft purge ended the response's freshness; absent for none. */
  readonly endedAt?: number;
}

/** The reuse of a response that is meant for another client. */
export const NO_REUSE: Reuse = {
  use: "none",
  remainingMs: 0,
  mayServeOnError: false,
  mayServeDisconnected: false,
  isRequested: false,
  mustValidate: false,
};

/** How long a stale response is served when the origin cannot be reached and nothing states it (ms). */
const DISCONNECTED_MS = 3_600_000;
/** Directives that forbid serving a stale response. */
const STRICT = ["must-revalidate", "proxy-revalidate", "s-maxage", "no-cache"];
const NO_CACHE = parseDirectives("no-cache");
/** The directives of a request that states none. */
export const NO_DIRECTIVES: Directives = parseDirectives(null);

/** The cache directives of a request; `Pragma` counts without `Cache-Control`. */
export function requestDirectives(headers: Headers): Directives {
  const cacheControl = headers.get("cache-control");
  if (cacheControl !== null) return parseDirectives(cacheControl);
  const pragma = headers.get("pragma");
  return pragma !== null && /\bno-cache\b/i.test(pragma) ? NO_CACHE : NO_DIRECTIVES;
}

/**
 * Decides whether a stored response may be reused for a request (RFC 9111 section 4, RFC 5861).
 * @param requested the request's directives
 */
export function reuseOf(
  response: ResponseMetadata,
  requested: Directives,
  settings: CacheSettings,
  { now, endedAt = Infinity }: Moment,
): Reuse {
  const { directives } = storedRules(response);
  const age = ageMs(response, now);
  const remainingMs = Math.min(lifetimeMs(response, settings) - age, endedAt - now);
  const isOverridden = settings.override && settings.ttlMs !== undefined;
  const isStrict = !isOverridden &&
    STRICT.some((name) => directives.has(name));
  const mustValidate = !isOverridden && directives.has("no-cache");
  const isRequested = requested.has("no-cache") ||
    age > (deltaMs(requested, "max-age") ?? Infinity) ||
    remainingMs < (deltaMs(requested, "min-fresh") ?? -Infinity);

  const errorMs = windowMs(directives, "stale-if-error", settings.staleIfErrorMs);
  const mayServeOnError = !isStrict && -remainingMs < errorMs;
  const mayServeDisconnected = mayServeOnError ||
    (!isStrict && !isRequested && -remainingMs < disconnectedMs(response, settings));
  const reuse = {
    remainingMs,
    mayServeOnError,
    mayServeDisconnected,
    isRequested,
    mustValidate,
  };

  if (mustValidate || isRequested) return { ...reuse, use: "validate" };
  if (remainingMs > 0) return { ...reuse, use: "fresh" };
  // max-age excludes stale responses (RFC 9111 section 5.2.1.1).
  const refusesStale = isStrict || (requested.has("max-age") && !requested.has("max-stale"));
  const staleMs = windowMs(directives, "stale-while-revalidate", settings.staleMs);
  if (!refusesStale && -remainingMs < staleMs) return { ...reuse, use: "stale" };
  const maxStale = requested.get("max-stale");
  if (!isStrict && maxStale !== undefined) {
    const acceptedMs = maxStale === "" ? Infinity : deltaMs(requested, "max-stale") ?? 0;
    if (-remainingMs <= acceptedMs) return { ...reuse, use: "fresh" };
  }
  return { ...reuse, use: "validate" };
}

/** How long a response can still be reused in any way (ms). */
export function usableMs(response: ResponseMetadata, settings: CacheSettings, now: number): number {
  const { directives } = storedRules(response);
  const windows = [
    disconnectedMs(response, settings),
    windowMs(directives, "stale-while-revalidate", settings.staleMs),
    windowMs(directives, "stale-if-error", settings.staleIfErrorMs),
  ];
  return Math.max(0, lifetimeMs(response, settings) - ageMs(response, now) + Math.max(...windows));
}

/**
 * How long past its freshness a response is served when the origin cannot be reached, where neither it
 * nor the config states that (ms; RFC 9111 section 4.2.4). One that was never fresh may be meant for one
 * client, and is not.
 */
function disconnectedMs(response: ResponseMetadata, settings: CacheSettings): number {
  const { directives } = storedRules(response);
  const isStated = directives.has("stale-if-error") || settings.staleIfErrorMs !== undefined;
  return isStated || lifetimeMs(response, settings) <= 0 ? 0 : DISCONNECTED_MS;
}

/** A window past freshness (ms): as the response states, else as the config does. */
function windowMs(directives: Directives, name: string, configured: number | undefined): number {
  return deltaMs(directives, name) ?? configured ?? 0;
}
