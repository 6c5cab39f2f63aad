import type { Call, Client, Source } from "../core/source.ts";
import type { ResponseMetadata } from "./entry.ts";
import type { CacheSettings } from "./reuse.ts";
import { cacheKey, clientKey } from "./key.ts";
import type { CacheScope } from "./cache_scope.ts";
import { allowsAuthorized, isStorable, isStorablePart, statesReuse } from "./storability.ts";

/** A request to the cache. */
export interface Lookup {
  readonly scope: CacheScope;
  /** The scope's settings, as far as they apply to this request. */
  readonly settings: CacheSettings;
  readonly call: Call;
  readonly next: Source;
  /** What is purged together: the scope and the path. */
  readonly url: string;
  /** The cache key: the URL, and what the gateway itself put into the call. */
  readonly key: string;
  /** Whether it has an Authorization of the client. */
  readonly isAuthorized: boolean;
  /** Whether it carries something of one client that is not in its key, such as a Cookie. */
  readonly isPersonal: boolean;
}

/** Builds the lookup for a call. */
export function lookupOf(scope: CacheScope, call: Call, client: Client, next: Source): Lookup {
  const isPersonal = (call.isPersonal ?? false) && !scope.settings.isShared;
  // For personal requests the response itself has to allow reuse; the config cannot.
  const settings = isPersonal
    ? { ...scope.settings, ttlMs: undefined, override: false }
    : scope.settings;
  const url = `${scope.name} ${call.path}`;
  const key = cacheKey(url, [
    settings.override ? "override" : undefined,
    scope.configKey,
    call.headerKey,
    scope.isPerClient ? clientKey(client) : undefined,
  ]);
  const isAuthorized = call.headers.has("authorization") && !call.hasOwnAuthorization;
  return { scope, settings, call, next, url, key, isAuthorized, isPersonal };
}

/** Whether it is a range request: a GET with `Range` (RFC 9110 section 14.2). */
export function isRangeRequest({ method, headers }: Call): boolean {
  return method === "GET" && headers.has("range");
}

/** The same lookup as a GET for the whole response, which is what a cache stores. */
export function forWhole(lookup: Lookup): Lookup {
  const { call } = lookup;
  if (call.method === "GET" && !isRangeRequest(call)) return lookup;
  const headers = new Headers(call.headers);
  for (const name of ["range", "if-range"]) headers.delete(name);
  return { ...lookup, call: { ...call, method: "GET", headers } };
}

/** The key of stored parts; they are invalidated with the whole response. */
export function partKey(key: string): string {
  return cacheKey(key, ["part"]);
}

/** Whether a response stored for another client may serve this one. */
export function mayServe({ isAuthorized, isPersonal }: Lookup, response: Headers): boolean {
  return (!isAuthorized || allowsAuthorized(response)) && (!isPersonal || statesReuse(response));
}

/** Whether the response to this request may be stored for others. */
export function isStorableFor({ settings, isPersonal }: Lookup, facts: ResponseMetadata): boolean {
  const mayBeStored = facts.status === 206 ? isStorablePart : isStorable;
  return mayBeStored(facts, settings) && (!isPersonal || statesReuse(facts.headers));
}

/** Under which key it is remembered whether requests can share a response: personal ones apart. */
export function sharingKey({ key, isAuthorized, isPersonal }: Lookup): string {
  return isAuthorized || isPersonal ? `own ${key}` : key;
}
