import { splitList } from "../lib/cache/directives.ts";
import type { Middleware } from "./middleware.ts";

/** Directives by which a shared cache would store the response. */
const SHARED = /^\s*(?:public|s-maxage)\b/i;
const PRIVATE = /^\s*(?:private\s*$|no-store\b)/i;

/**
 * Keeps responses to authenticated clients out of the caches that others share: without an
 * Authorization header, such a cache does not know that the client had to authenticate.
 */
export function keepPrivate(): Middleware {
  return {
    after(_c, { headers }) {
      const value = headers.get("cache-control");
      const directives = value === null ? [] : splitList(value);
      if (directives.some((directive) => PRIVATE.test(directive))) return;
      const kept = directives.filter((directive) => !SHARED.test(directive));
      headers.set("cache-control", ["private", ...kept.map((text) => text.trim())].join(", "));
    },
  };
}
