import { deltaMs } from "./directives.ts";
import type { ResponseMetadata } from "./entry.ts";
import { parseHttpDate } from "../http/http_date.ts";
import { type Rules, rulesOf } from "./rules.ts";

/** The config's settings for freshness. */
export interface FreshnessSettings {
  /** The freshness lifetime of responses that state none (ms); undefined for none. */
  readonly ttlMs: number | undefined;
  /** Whether `ttlMs` overrides what responses state. */
  readonly override: boolean;
}

/** Statuses that are heuristically cacheable (RFC 9110 section 15.1). */
export const CACHEABLE_BY_DEFAULT: ReadonlySet<number> = new Set([
  200,
  203,
  204,
  206,
  300,
  301,
  308,
  404,
  405,
  410,
  414,
  501,
]);

/** RFC 9111 section 4.2.2: a tenth of the time since `Last-Modified`, at most a day. */
const HEURISTIC_SHARE = 0.1;
const MAX_HEURISTIC_MS = 86_400_000;
const SECOND_MS = 1_000;

/** The freshness lifetime of a response (ms; RFC 9111 section 4.2.1). */
export function lifetimeMs(
  response: ResponseMetadata,
  { ttlMs, override }: FreshnessSettings,
): number {
  if (override && ttlMs !== undefined) return ttlMs;
  const stated = statedLifetimeMs(response);
  if (stated !== undefined) return stated;
  const isCacheable = CACHEABLE_BY_DEFAULT.has(response.status);
  if (ttlMs !== undefined) return isCacheable ? ttlMs : 0;
  const isHeuristic = isCacheable || storedRules(response).directives.has("public");
  return isHeuristic ? heuristicMs(response) : 0;
}

/** What never changes of a stored response: read once, not on each hit. */
interface Fixed {
  readonly rules: Rules;
  readonly statedLifetimeMs: number | undefined;
  readonly initialAgeMs: number;
}

const fixedOf = new WeakMap<ResponseMetadata, Fixed>();

function fixed(response: ResponseMetadata): Fixed {
  const known = fixedOf.get(response);
  if (known) return known;
  const read = {
    rules: rulesOf(response.headers),
    statedLifetimeMs: readLifetimeMs(response),
    initialAgeMs: readInitialAgeMs(response),
  };
  fixedOf.set(response, read);
  return read;
}

/** The rules of a stored response: `rulesOf` its headers. */
export function storedRules(response: ResponseMetadata): Rules {
  return fixed(response).rules;
}

/** The lifetime that the response states (ms); undefined for none. */
export function statedLifetimeMs(response: ResponseMetadata): number | undefined {
  return fixed(response).statedLifetimeMs;
}

function readLifetimeMs({ headers, receivedAt }: ResponseMetadata): number | undefined {
  const { directives, isTargeted } = rulesOf(headers);
  const stated = deltaMs(directives, "s-maxage") ?? deltaMs(directives, "max-age");
  if (stated !== undefined || isTargeted) return stated;
  const expires = headers.get("expires");
  if (expires === null) return undefined;
  const date = parseHttpDate(headers.get("date"), receivedAt) ?? receivedAt;
  return Math.max(0, (parseHttpDate(expires, receivedAt) ?? 0) - date);
}

function heuristicMs({ headers, receivedAt }: ResponseMetadata): number {
  const modified = parseHttpDate(headers.get("last-modified"), receivedAt);
  if (modified === undefined) return 0;
  const date = parseHttpDate(headers.get("date"), receivedAt) ?? receivedAt;
  return Math.min(MAX_HEURISTIC_MS, Math.max(0, (date - modified) * HEURISTIC_SHARE));
}

/**
 * The age of a response: the time since it was generated or last validated (ms; RFC 9111 section
 * 4.2.3). Whole seconds at receipt, exact to the millisecond since.
 */
export function ageMs(response: ResponseMetadata, now: number): number {
  return fixed(response).initialAgeMs + Math.max(0, now - response.receivedAt);
}

/**
 * A `Date` has a resolution of one second. When that second had not ended as the request was sent, the
 * response was generated for this request, and is no older than the request took.
 */
function readInitialAgeMs({ headers, requestedAt, receivedAt }: ResponseMetadata): number {
  const date = parseHttpDate(headers.get("date"), receivedAt) ?? receivedAt;
  const apparent = date + SECOND_MS > requestedAt ? 0 : wholeSeconds(receivedAt - date);
  const corrected = statedAgeMs(headers) + wholeSeconds(receivedAt - requestedAt);
  return Math.max(apparent, corrected);
}

function wholeSeconds(ms: number): number {
  return Math.max(0, Math.floor(ms / SECOND_MS)) * SECOND_MS;
}

/** The `Age` that upstream caches state (ms): the first of several; 0 when invalid. */
function statedAgeMs(headers: Headers): number {
  const [first = ""] = headers.get("age")?.split(",") ?? [];
  const digits = first.trim();
  return /^\d+$/.test(digits) ? Math.min(Number(digits), 2 ** 31) * 1000 : 0;
}
