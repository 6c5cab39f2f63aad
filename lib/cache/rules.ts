import { parseDictionary } from "structured-headers";
import { type Directives, parseDirectives } from "./directives.ts";

/** What an answer says of being stored and used again. */
export interface Rules {
  readonly directives: Directives;
  /** Whether they are for caches like this one alone: `Expires` then counts for nothing. */
  readonly isTargeted: boolean;
}

/** Answers that are kept are looked at with each hit, but read once. */
const known = new WeakMap<Headers, Rules>();

/**
 * The rules of an answer for this cache: those of `CDN-Cache-Control` where it is there, well-formed
 * and not empty (RFC 9213 section 2.2), and then no others; else those of `Cache-Control`.
 */
export function rulesOf(headers: Headers): Rules {
  const rules = known.get(headers) ?? readRules(headers);
  known.set(headers, rules);
  return rules;
}

function readRules(headers: Headers): Rules {
  const targeted = parseTargeted(headers.get("cdn-cache-control"));
  if (targeted) return { directives: targeted, isTargeted: true };
  return { directives: parseDirectives(headers.get("cache-control")), isTargeted: false };
}

/** Directives whose value is a whole number of seconds: another makes the field no field (section 2.1). */
const SECONDS = ["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"];

function parseTargeted(header: string | null): Directives | undefined {
  if (header === null) return undefined;
  try {
    const members = parseDictionary(header);
    const isWrong = SECONDS.some((name) =>
      members.has(name) && !Number.isInteger(members.get(name)?.[0])
    );
    if (members.size === 0 || isWrong) return undefined;
    return new Map(
      members.entries().filter(([, [value]]) => value !== false).map(([name, [value]]) =>
        [name, value === true ? "" : String(value)] as const
      ),
    );
  } catch {
    return undefined;
  }
}
