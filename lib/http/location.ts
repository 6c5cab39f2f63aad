import { upstreamUrl } from "./upstream_url.ts";

/** How a forward route maps the client's URLs to the upstream's. */
export interface Mapping {
  /** The upstream's base URL. */
  readonly base: URL;
  /** The origins of the upstream's other targets. */
  readonly otherOrigins?: readonly string[];
  /** The prefix that was removed from the client's path. */
  readonly strip: string;
  /** The origin that the client requested, as reported to the upstream: `https://api.example`. */
  readonly requested: string;
  /** The prefix in `X-Forwarded-Prefix`; may be empty. */
  readonly prefix: string;
}

/**
 * Rewrites an upstream's `Location` for the client: one that points to the same upstream leads back
 * through the gateway. An upstream that uses `X-Forwarded-Host` names the origin that the client
 * requested; one that uses `X-Forwarded-Prefix` already has the client's path. Undefined for a URL
 * of the upstream that no route of the gateway reaches.
 * @param path the requested path, without the base path
 */
export function rewriteLocation(
  location: string,
  path: string,
  { base, otherOrigins, strip, requested, prefix }: Mapping,
): string | undefined {
  const encoded = encodeBytes(location);
  const basePath = base.pathname.replace(/\/$/, "");
  const target = upstreamUrl(encoded, base.origin + basePath + path, base.origin, otherOrigins);
  if (target === null) return encoded;
  const { pathname, search, hash } = target;
  const isUpstreams = target.origin === base.origin;
  if (!isUpstreams && target.origin !== URL.parse(requested)?.origin) return encoded;
  const isReached = isBelow(pathname, basePath);
  // An upstream with its own paths below the prefix does not mean the client's.
  const isClients = prefix !== "" && isBelow(pathname, prefix) && !isBelow(path, prefix) &&
    (basePath === "" || !isReached);
  if (isClients) return isUpstreams ? pathname + search + hash : encoded;
  if (!isReached) return isUpstreams ? undefined : encoded;
  const followed = strip + pathname.slice(basePath.length) || "/";
  // Two leading slashes would name a host.
  return followed.startsWith("//") ? undefined : followed + search + hash;
}

function isBelow(pathname: string, prefix: string): boolean {
  return `${pathname}/`.startsWith(`${prefix}/`);
}

/** Percent-encodes non-ASCII bytes: header values are Latin-1, one character per byte. */
function encodeBytes(header: string): string {
  return header.replaceAll(
    /[\x80-\xff]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
