import { parseDictionary } from "structured-headers";
import { type Directives, parseDirectives } from "./directives.ts";

/** What a response states about being stored and reused. */
export interface Rules {
  readonly directives: Directives;
  /** Whether they come from a targeted field: `Expires` is then ignored. */
  readonly isTargeted: boolean;
}

/**
 * The rules of a response for this cache: those of `CDN-Cache-Control` alone when it is present,
 * well-formed and not empty (RFC 9213 section 2.2); else those of `Cache-Control`.
 */
export function rulesOf(headers: Headers): Rules {
  const targeted = parseTargeted(headers.get("cdn-cache-control"));
  if (targeted) return { directives: targeted, isTargeted: true };
  return { directives: parseDirectives(headers.get("cache-control")), isTargeted: false };
}

/** Directives in whole seconds: any other value makes the field invalid (RFC 9213 section 2.1). */
const SECONDS = ["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"];

function parseTargeted(header: string | null): Directives | undefined {
  if (header === null) return undefined;
  try {
    const members = parseDictionary(header);
    const isInvalid = SECONDS.some((name) =>
      members.has(name) && !Number.isInteger(members.get(name)?.[0])
    );
    if (members.size === 0 || isInvalid) return undefined;
    return new Map(
      members.entries().filter(([, [value]]) => value !== false).map(([name, [value]]) =>
        [name, value === true ? "" : String(value)] as const
      ),
    );
  } catch {
    return undefined;
  }
}
