import { deltaMs, type Directives, parseDirectives } from "./directives.ts";
import type { ResponseMetadata } from "./entry.ts";
import { ageMs, type FreshnessSettings, lifetimeMs } from "./freshness.ts";
import { rulesOf } from "./rules.ts";

/** What the config says of a cache. */
export interface CacheSettings extends FreshnessSettings {
  /** How long past its freshness an answer still serves while a new one is fetched (ms). */
  readonly staleMs: number | undefined;
  /** How long past its freshness an answer still serves when no new one can be had (ms). */
  readonly staleIfErrorMs: number | undefined;
  /** Whether answers to requests with a Cookie, or of a function, may serve others (default false). */
  readonly isShared?: boolean;
}

/** How an answer that is kept may serve a request. */
export interface Reuse {
  /**
   * `fresh`: as it is. `stale`: as it is, while a new one is fetched. `validate`: once the origin
   * says that it is still right. `none`: not at all.
   */
  readonly use: "fresh" | "stale" | "validate" | "none";
  /** How long it stays fresh (ms); less than 0 when it no longer is. */
  readonly remainingMs: number;
  /** Whether it may serve when the origin cannot. */
  readonly mayServeOnError: boolean;
  /** Whether it may serve when the origin cannot be reached. */
  readonly mayServeDisconnected: boolean;
  /** Whether the request itself wants to hear from the origin. */
  readonly isRequested: boolean;
  /** Whether each use is to be allowed by the origin, however fresh it is. */
  readonly mustValidate: boolean;
}

/** When it is (wall clock, ms since 1970). */
export interface Moment {
  readonly now: number;
  /** When the answer's freshness was ended from outside, if it was. */
  readonly endedAt?: number;
}

/** How an answer may serve that is for others. */
export const NO_REUSE: Reuse = {
  use: "none",
  remainingMs: 0,
  mayServeOnError: false,
  mayServeDisconnected: false,
  isRequested: false,
  mustValidate: false,
};

/** How long a stale response serves when the origin cannot be reached, where nobody says (ms). */
const DISCONNECTED_MS = 3_600_000;
const NO_CACHE = parseDirectives("no-cache");
const NOTHING = parseDirectives(null);

/** What a request says of caches; `Pragma` counts where `Cache-Control` is not said. */
export function requestDirectives(headers: Headers): Directives {
  const said = headers.get("cache-control");
  if (said !== null) return parseDirectives(said);
  const pragma = headers.get("pragma");
  return pragma !== null && /\bno-cache\b/i.test(pragma) ? NO_CACHE : NOTHING;
}

/** Decides whether an answer that is kept may serve a request (RFC 9111 section 4, RFC 5861). */
export function reuseOf(
  answer: ResponseMetadata,
  request: Headers,
  settings: CacheSettings,
  { now, endedAt = Infinity }: Moment,
): Reuse {
  const asked = requestDirectives(request);
  const { directives } = rulesOf(answer.headers);
  const age = ageMs(answer, now);
  const remainingMs = Math.min(lifetimeMs(answer, settings) - age, endedAt - now);
  const isOverridden = settings.override && settings.ttlMs !== undefined;
  const isStrict = !isOverridden &&
    ["must-revalidate", "proxy-revalidate", "s-maxage", "no-cache"].some((name) =>
      directives.has(name)
    );
  const mustValidate = !isOverridden && directives.has("no-cache");
  const isRequested = asked.has("no-cache") ||
    age > (deltaMs(asked, "max-age") ?? Infinity) ||
    remainingMs < (deltaMs(asked, "min-fresh") ?? -Infinity);

  const errorMs = windowMs(directives, "stale-if-error", settings.staleIfErrorMs);
  const mayServeOnError = !isStrict && -remainingMs < errorMs;
  const mayServeDisconnected = mayServeOnError ||
    (!isStrict && !isRequested && -remainingMs < disconnectedMs(answer, settings));
  const judgement = {
    remainingMs,
    mayServeOnError,
    mayServeDisconnected,
    isRequested,
    mustValidate,
  };

  if (mustValidate || isRequested) return { ...judgement, use: "validate" };
  if (remainingMs > 0) return { ...judgement, use: "fresh" };
  // Who says how old it may be wants nothing stale (RFC 9111 section 5.2.1.1).
  const refusesStale = isStrict || (asked.has("max-age") && !asked.has("max-stale"));
  const staleMs = windowMs(directives, "stale-while-revalidate", settings.staleMs);
  if (!refusesStale && -remainingMs < staleMs) return { ...judgement, use: "stale" };
  const maxStale = asked.get("max-stale");
  if (!isStrict && maxStale !== undefined) {
    const acceptedMs = maxStale === "" ? Infinity : deltaMs(asked, "max-stale") ?? 0;
    if (-remainingMs <= acceptedMs) return { ...judgement, use: "fresh" };
  }
  return { ...judgement, use: "validate" };
}

/** For how long an answer can serve somehow, from now on (ms). */
export function usableMs(answer: ResponseMetadata, settings: CacheSettings, now: number): number {
  const { directives } = rulesOf(answer.headers);
  const windows = [
    disconnectedMs(answer, settings),
    windowMs(directives, "stale-while-revalidate", settings.staleMs),
    windowMs(directives, "stale-if-error", settings.staleIfErrorMs),
  ];
  return Math.max(0, lifetimeMs(answer, settings) - ageMs(answer, now) + Math.max(...windows));
}

/**
 * How long past its freshness an answer serves when the origin cannot be reached, where neither it
 * nor the config says for how long (ms; RFC 9111 section 4.2.4). One that was never fresh may be for
 * one client alone, and serves no other.
 */
function disconnectedMs(answer: ResponseMetadata, settings: CacheSettings): number {
  const { directives } = rulesOf(answer.headers);
  const isSaid = directives.has("stale-if-error") || settings.staleIfErrorMs !== undefined;
  return isSaid || lifetimeMs(answer, settings) <= 0 ? 0 : DISCONNECTED_MS;
}

/** A window past freshness: what the answer says, else what the config does. */
function windowMs(directives: Directives, name: string, configured: number | undefined): number {
  return deltaMs(directives, name) ?? configured ?? 0;
}
