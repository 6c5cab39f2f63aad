import type { Call, Client, Source } from "../core/source.ts";
import type { ResponseMetadata } from "./entry.ts";
import type { CacheSettings } from "./reuse.ts";
import { cacheKey, clientKey } from "./key.ts";
import type { CacheScope } from "./cache_scope.ts";
import { allowsAuthorized, isStorable, isStorablePart, statesReuse } from "./storability.ts";

/** One request to the cache. */
export interface Lookup {
  readonly scope: CacheScope;
  /** The scope's, as far as they count for this request. */
  readonly settings: CacheSettings;
  readonly call: Call;
  readonly next: Source;
  /** The address: what is purged together. */
  readonly url: string;
  /** What makes two answers one: the address, and what the gateway itself put into the call. */
  readonly key: string;
  /** Whether it has an Authorization that is the client's own. */
  readonly isAuthorized: boolean;
  /** Whether it is one client's, in what its key does not tell. */
  readonly isPersonal: boolean;
}

export function lookupOf(scope: CacheScope, call: Call, client: Client, next: Source): Lookup {
  const isPersonal = (call.isPersonal ?? false) && !scope.settings.isShared;
  // The config knows nothing of what one client alone is told: the answer has to say it.
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

/** Whether a client asks for a part (RFC 9110 section 14.2: with GET alone). */
export function isRangeRequest({ method, headers }: Call): boolean {
  return method === "GET" && headers.has("range");
}

/** The same by GET, without a range: the whole response that a cache stores. */
export function ofWhole(question: Lookup): Lookup {
  const { call } = question;
  if (call.method === "GET" && !isRangeRequest(call)) return question;
  const headers = new Headers(call.headers);
  for (const name of ["range", "if-range"]) headers.delete(name);
  return { ...question, call: { ...call, method: "GET", headers } };
}

/** Under what the parts of a response are stored, besides the whole; forgotten with it. */
export function partKey(key: string): string {
  return cacheKey(key, ["part"]);
}

/** Whether an answer that was made for any client may serve this one. */
export function mayServe({ isAuthorized, isPersonal }: Lookup, answer: Headers): boolean {
  return (!isAuthorized || allowsAuthorized(answer)) && (!isPersonal || statesReuse(answer));
}

/** Whether the answer to this request may be kept for others. */
export function isStorableFor({ settings, isPersonal }: Lookup, facts: ResponseMetadata): boolean {
  const isStored = facts.status === 206 ? isStorablePart : isStorable;
  return isStored(facts, settings) && (!isPersonal || statesReuse(facts.headers));
}

/** Those with something of their own may find nothing to share where others do. */
export function sharingKey({ key, isAuthorized, isPersonal }: Lookup): string {
  return isAuthorized || isPersonal ? `own ${key}` : key;
}
