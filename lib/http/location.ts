/** Where a forward route stands: what is asked of the upstream, and what the client asked. */
export interface Mapping {
  /** The upstream's base URL. */
  readonly base: URL;
  /** What was taken off the front of the client's path. */
  readonly strip: string;
  /** The origin that the client asked, as the upstream was told: `https://api.example`. */
  readonly asked: string;
  /** What stands before the upstream's paths, as it was told in `X-Forwarded-Prefix`; may be empty. */
  readonly prefix: string;
}

/**
 * An upstream's `Location` as the client must follow it: one that leads to the same upstream leads
 * back through the gateway. An upstream that builds its links of `X-Forwarded-Host` names the origin
 * that the client asked; one that uses `X-Forwarded-Prefix` has named the client's own path already.
 * Undefined for a place at the upstream that the gateway does not reach.
 * @param path the path that was asked, without the base path
 */
export function rewriteLocation(
  location: string,
  path: string,
  { base, strip, asked, prefix }: Mapping,
): string | undefined {
  const encoded = encodeBytes(location);
  const basePath = base.pathname.replace(/\/$/, "");
  const target = URL.parse(encoded, base.origin + basePath + path);
  if (target === null) return encoded;
  const { pathname, search, hash } = target;
  const isUpstreams = target.origin === base.origin;
  if (!isUpstreams && target.origin !== URL.parse(asked)?.origin) return encoded;
  const isReached = isBelow(pathname, basePath);
  // An upstream that has paths of its own below the prefix does not mean the client's.
  const isClients = prefix !== "" && isBelow(pathname, prefix) && !isBelow(path, prefix) &&
    (basePath === "" || !isReached);
  if (isClients) return isUpstreams ? pathname + search + hash : encoded;
  if (!isReached) return isUpstreams ? undefined : encoded;
  const followed = strip + pathname.slice(basePath.length) || "/";
  // Two slashes at the front would name a host.
  return followed.startsWith("//") ? undefined : followed + search + hash;
}

function isBelow(pathname: string, prefix: string): boolean {
  return `${pathname}/`.startsWith(`${prefix}/`);
}

/** Percent-encodes what is no ASCII: headers are read as Latin-1, one character a byte. */
function encodeBytes(header: string): string {
  return header.replaceAll(
    /[\x80-\xff]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
