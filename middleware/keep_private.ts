import { splitList } from "../lib/cache/directives.ts";
import { headerNames } from "../lib/http/header_names.ts";
import type { Middleware } from "./middleware.ts";

/** Directives by which a shared cache would store the response. */
const SHARED = /^\s*(?:public|s-maxage)\b/i;
/** Headers that tell shared caches alone what to do (RFC 9213, and before it). */
const TARGETED = /^(?:.+-)?cdn-cache-control$|^surrogate-control$/;
const PRIVATE = /^\s*(?:private\s*$|no-store\b)/i;

/**
 * Keeps responses to authenticated clients out of the caches that others share: without an
 * Authorization header, such a cache does not know that the client had to authenticate.
 */
export function keepPrivate(): Middleware {
  return {
    after(_c, { headers }) {
      for (const name of headerNames(headers, (name) => TARGETED.test(name))) headers.delete(name);
      const value = headers.get("cache-control");
      const directives = value === null ? [] : splitList(value);
      if (directives.some((directive) => PRIVATE.test(directive))) return;
      const kept = directives.filter((directive) => !SHARED.test(directive));
      headers.set("cache-control", ["private", ...kept.map((text) => text.trim())].join(", "));
    },
  };
}
