import type { Reply } from "../core/source.ts";
import { upstreamUrl } from "../http/upstream_url.ts";
import type { CacheScope } from "./cache_scope.ts";

/**
 * The URLs besides its own that an unsafe request invalidates: `Location` and `Content-Location` of its
 * response, within the same upstream (RFC 9111 section 4.4).
 */
export function invalidatedUrls({ headers }: Reply, path: string, scope: CacheScope): string[] {
  return ["location", "content-location"].flatMap((name) =>
    targetUrl(headers.get(name), path, scope) ?? []
  );
}

function targetUrl(
  location: string | null,
  path: string,
  { name, base, otherOrigins }: CacheScope,
): string | undefined {
  if (location === null || base === undefined) return undefined;
  const root = base.href.replace(/\/$/, "");
  const target = upstreamUrl(location, root + path, base.origin, otherOrigins);
  if (target?.origin !== base.origin) return undefined;
  const url = target.origin + target.pathname + target.search;
  return url.startsWith(`${root}/`) ? `${name} ${url.slice(root.length)}` : undefined;
}

/** Whether a HEAD response shows that the stored GET is outdated (RFC 9111 section 4.3.5). */
export function headInvalidates(head: Headers, stored: Headers): boolean {
  return ["etag", "last-modified", "content-length"].some((name) => {
    const value = head.get(name);
    return value !== null && stored.has(name) && value !== stored.get(name);
  });
}
