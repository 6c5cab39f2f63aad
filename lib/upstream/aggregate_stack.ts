import type { HttpCache } from "../cache/http_cache.ts";
import { cache } from "../cache/policy.ts";
import type { GatherSettings } from "../config/route.ts";
import { digest } from "../core/digest.ts";
import { guard, type Source } from "../core/source.ts";
import { targetOf } from "./target.ts";

/** Builds the Source of a whole aggregate: through the route's cache, if it has one. */
export function aggregateStack(
  gather: Source,
  { key, cache: settings, parts, written }: GatherSettings,
  httpCache: HttpCache,
): Source {
  if (settings === undefined) return gather;
  return guard(
    gather,
    cache({
      cache: httpCache,
      name: key,
      // The gather has set its freshness.
      settings: { ...settings, ttlMs: undefined },
      // The store may contain responses of another config.
      configKey: digest(JSON.stringify([
        written,
        ...parts.map(({ upstream }) => [
          targetOf(upstream),
          "headers" in upstream ? upstream.headers : {},
        ]),
      ])),
      maxEntryBytes: Infinity,
      generatesEtags: true,
    }),
  );
}
