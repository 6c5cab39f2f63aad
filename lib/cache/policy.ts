import type { HttpCache } from "./http_cache.ts";
import type { CacheScope } from "./cache_scope.ts";
import { OpenScope } from "./open_scope.ts";
import type { Policy } from "../core/source.ts";

/** What is cached, and where. */
export interface CacheOptions extends CacheScope {
  /** The cache of this process. */
  readonly cache: HttpCache;
}

/** Serves stored responses where HTTP and the config allow it, and stores what they allow. */
export function cache({ cache, ...scope }: CacheOptions): Policy {
  const open = new OpenScope(scope);
  return (next) => (call, ctx) => cache.respond(open, call, ctx, next);
}
