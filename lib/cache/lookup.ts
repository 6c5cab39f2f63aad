import { FieldList } from "../core/field_list.ts";
import type { Call, Client, Source } from "../core/source.ts";
import type { CacheScope } from "./cache_scope.ts";
import type { Directives } from "./directives.ts";
import type { ResponseMetadata } from "./entry.ts";
import { cacheKey, clientKey } from "./key.ts";
import type { OpenScope } from "./open_scope.ts";
import { type CacheSettings, requestDirectives } from "./reuse.ts";
import { allowsAuthorized, isStorable, isStorablePart, statesReuse } from "./storability.ts";
import type { UnstorableRun } from "./unstorable_run.ts";

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
  /** Whether it is a range request: a GET with `Range` (RFC 9110 section 14.2). */
  readonly isRange: boolean;
  /** The request's cache directives. */
  readonly requested: Directives;
  /** The responses to requests like this one, as far as they could not be stored. */
  readonly run: UnstorableRun;
  /** Whether only this process's memory is searched, because the store is not worth a read. */
  readonly isInMemoryAlone: boolean;
}

/** Builds the lookup for a call. */
export function lookupOf(open: OpenScope, call: Call, client: Client, next: Source): Lookup {
  const { scope, prefix, personalSettings } = open;
  const isPersonal = (call.isPersonal ?? false) && !scope.settings.isShared;
  const settings = isPersonal ? personalSettings : scope.settings;
  const url = prefix + call.path;
  const key = cacheKey(url, [
    settings.override ? "override" : undefined,
    scope.configKey,
    call.headerKey,
    call.contentKey,
    scope.isPerClient ? clientKey(client) : undefined,
  ]);
  const isAuthorized = !call.hasOwnAuthorization && call.headers.has("authorization");
  const requested = requestDirectives(call.headers);
  const run = open.runOf(isPersonal || isAuthorized);
  const isInMemoryAlone = run.isLong && !requested.has("only-if-cached");
  return {
    scope,
    settings,
    call,
    next,
    url,
    key,
    isAuthorized,
    isPersonal,
    isRange: call.method === "GET" && call.headers.has("range"),
    requested,
    run,
    isInMemoryAlone,
  };
}

/** The same lookup for the whole response, which is what a cache stores: as a GET, or as a QUERY. */
export function forWhole(lookup: Lookup): Lookup {
  const { call, isRange } = lookup;
  if ((call.method === "GET" && !isRange) || call.contentKey !== undefined) return lookup;
  const headers = new FieldList(call.headers);
  for (const name of ["range", "if-range"]) headers.delete(name);
  return { ...lookup, call: { ...call, method: "GET", headers }, isRange: false };
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
