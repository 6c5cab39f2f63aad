import type { Reply } from "../core/source.ts";
import type { CacheScope } from "./cache_scope.ts";

/**
 * The addresses whose answers are out of date after a request that changed something, besides its
 * own: those that its answer names, as far as they are the same upstream's (RFC 9111 section 4.4).
 */
export function invalidatedUrls({ headers }: Reply, path: string, scope: CacheScope): string[] {
  return ["location", "content-location"].flatMap((name) =>
    targetUrl(headers.get(name), path, scope) ?? []
  );
}

function targetUrl(
  location: string | null,
  path: string,
  { name, base }: CacheScope,
): string | undefined {
  if (location === null || base === undefined) return undefined;
  const root = base.href.replace(/\/$/, "");
  const target = URL.parse(location, root + path);
  if (target?.origin !== base.origin) return undefined;
  const address = target.origin + target.pathname + target.search;
  return address.startsWith(`${root}/`) ? `${name} ${address.slice(root.length)}` : undefined;
}

/** Whether what HEAD tells is about another answer than the one that is kept (section 4.3.5). */
export function headInvalidates(told: Headers, kept: Headers): boolean {
  return ["etag", "last-modified", "content-length"].some((name) => {
    const value = told.get(name);
    return value !== null && kept.has(name) && value !== kept.get(name);
  });
}
