import { deltaMs } from "./directives.ts";
import type { ResponseMetadata } from "./entry.ts";
import { parseHttpDate } from "../http/http_date.ts";
import { rulesOf } from "./rules.ts";

/** What the config says of freshness. */
export interface FreshnessSettings {
  /** How long an answer is fresh that says nothing itself (ms); undefined for not at all. */
  readonly ttlMs: number | undefined;
  /** Whether `ttlMs` counts also against what the answer says. */
  readonly override: boolean;
}

/** Statuses whose answers may be kept without saying so (RFC 9110 section 15.1). */
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

/** RFC 9111 section 4.2.2: a tenth of the time since the last change, and at most a day. */
const HEURISTIC_SHARE = 0.1;
const MOST_HEURISTIC_MS = 86_400_000;
const SECOND_MS = 1_000;

/** How long an answer is fresh, from when it was made (ms; RFC 9111 section 4.2.1). */
export function lifetimeMs(
  answer: ResponseMetadata,
  { ttlMs, override }: FreshnessSettings,
): number {
  if (override && ttlMs !== undefined) return ttlMs;
  const stated = statedLifetimeMs(answer);
  if (stated !== undefined) return stated;
  const isByDefault = CACHEABLE_BY_DEFAULT.has(answer.status);
  if (ttlMs !== undefined) return isByDefault ? ttlMs : 0;
  const mayGuess = isByDefault || rulesOf(answer.headers).directives.has("public");
  return mayGuess ? heuristicMs(answer) : 0;
}

/** What of an answer's times does not change while it is kept: read once, not with each hit. */
interface FixedTimes {
  readonly statedLifetimeMs: number | undefined;
  readonly initialAgeMs: number;
}

const known = new WeakMap<ResponseMetadata, FixedTimes>();

function fixedTimes(answer: ResponseMetadata): FixedTimes {
  const times = known.get(answer) ?? {
    statedLifetimeMs: readLifetimeMs(answer),
    initialAgeMs: readInitialAgeMs(answer),
  };
  known.set(answer, times);
  return times;
}

/** What the answer itself says; undefined when it says nothing. */
export function statedLifetimeMs(answer: ResponseMetadata): number | undefined {
  return fixedTimes(answer).statedLifetimeMs;
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
  return Math.min(MOST_HEURISTIC_MS, Math.max(0, (date - modified) * HEURISTIC_SHARE));
}

/**
 * How long ago an answer was made or last found unchanged (ms; RFC 9111 section 4.2.3): whole
 * seconds when it came, and since then to the millisecond.
 */
export function ageMs(answer: ResponseMetadata, now: number): number {
  return fixedTimes(answer).initialAgeMs + Math.max(0, now - answer.receivedAt);
}

/**
 * HTTP counts in whole seconds, and so does this: a `Date` names the second in which the response
 * was made, and no moment in it. One whose second had not ended when the request was sent says that
 * the response was made for that request, and so makes it no older than the time that took.
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

/** The age that caches before this one gave it: the first of several, and 0 for what is no age. */
function statedAgeMs(headers: Headers): number {
  const [first = ""] = headers.get("age")?.split(",") ?? [];
  const digits = first.trim();
  return /^\d+$/.test(digits) ? Math.min(Number(digits), 2 ** 31) * 1000 : 0;
}
