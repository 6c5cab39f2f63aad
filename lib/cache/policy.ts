import type { HttpCache } from "./http_cache.ts";
import type { CacheScope } from "./cache_scope.ts";
import type { Policy } from "../core/source.ts";

/** What is kept, and where. */
export interface CacheOptions extends CacheScope {
  /** The cache of this process. */
  readonly cache: HttpCache;
}

/** Answers from what is kept, where HTTP and the config let it, and keeps what they let it. */
export function cache({ cache, ...scope }: CacheOptions): Policy {
  return (next) => (call, ctx) => cache.respond(scope, call, ctx, next);
}
