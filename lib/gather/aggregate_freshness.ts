import { FieldList } from "../core/field_list.ts";
import { tagsOf } from "../cache/purges.ts";
import { ageMs, statedLifetimeMs } from "../cache/freshness.ts";
import { rulesOf } from "../cache/rules.ts";
import { allowsAuthorized } from "../cache/storability.ts";
import { variesByMore } from "../cache/variants.ts";
import type { Reply } from "../core/source.ts";

/** A part's reply. */
export interface PartReply {
  /** The part's name. */
  readonly part: string;
  readonly reply: Reply;
  /** Whether its call carried the client's Authorization. */
  readonly isAuthorized: boolean;
  /** Whether it may depend on the client (default false). */
  readonly isPerClient?: boolean;
}

/** What else decides how an aggregate may be cached. */
export interface AggregateFacts {
  /** Maximum freshness (ms), and the freshness of parts that state none. */
  readonly ttlMs: number | undefined;
  /** The client's headers that the parts' calls use, in lower case. */
  readonly clientHeaders: readonly string[];
  /** Wall clock (ms since 1970). */
  readonly now: number;
}

/**
 * Derives an aggregate's caching headers: fresh for as long as its least fresh part, as private as
 * its most private part, with the `Vary` and the cache tags of all parts.
 */
export function aggregateFreshness(
  parts: readonly PartReply[],
  { ttlMs, clientHeaders, now }: AggregateFacts,
): Headers {
  const sources = parts.flatMap((part) =>
    (part.reply.madeOf ?? [part.reply]).map((reply) => ({ ...part, reply }))
  );
  const scopes = sources.map(scopeOf);
  const headers = new FieldList();
  if (scopes.includes("no-store")) {
    headers.set("cache-control", "no-store");
    return headers;
  }
  const freshMs = sources.map(({ reply }) => freshOf(reply, now) ?? ttlMs ?? 0);
  // An `each` over an empty list has no replies, so nothing states its freshness.
  const leastMs = Math.min(...freshMs, ttlMs ?? (sources.length === 0 ? 0 : Infinity));
  const seconds = Math.max(0, Math.floor(leastMs / 1000));
  const scope = scopes.includes("private")
    ? "private, "
    : scopes.length > 0 && scopes.every((scope) => scope === "public")
    ? "public, "
    : "";
  headers.set("cache-control", `${scope}max-age=${seconds}`);
  const names = new Set(clientHeaders);
  if (names.size > 0) headers.set("vary", [...names].sort().join(", "));
  const tags = new Set(sources.flatMap(({ reply }) => tagsOf(reply.headers)));
  if (tags.size > 0) headers.set("cache-tag", [...tags].join(", "));
  return headers;
}

function freshOf(reply: Reply, now: number): number | undefined {
  const { status, headers, cached } = reply;
  if (rulesOf(headers).directives.has("no-cache")) return 0;
  if (cached?.freshMs !== undefined) return cached.freshMs;
  const facts = { status, headers, requestedAt: now, receivedAt: now, isAuthorized: false };
  const stated = statedLifetimeMs(facts);
  return stated === undefined ? undefined : stated - ageMs(facts, now);
}

function scopeOf(
  { reply, isAuthorized, isPerClient }: PartReply,
): "public" | "shared" | "private" | "no-store" {
  const { headers, cached } = reply;
  const { directives } = rulesOf(headers);
  const isUncacheable = directives.has("no-store") || headers.has("set-cookie") ||
    variesByMore(headers);
  if (cached?.isStale || isUncacheable) return "no-store";
  if (directives.has("private") || isPerClient || (isAuthorized && !allowsAuthorized(headers))) {
    return "private";
  }
  return directives.has("public") ? "public" : "shared";
}
