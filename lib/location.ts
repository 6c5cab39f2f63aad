/** Where a forward route stands: what is asked of the upstream, and what the client asked. */
export interface Mapping {
  /** The upstream's base URL. */
  readonly base: URL;
  /** What was taken off the front of the client's path. */
  readonly strip: string;
}

/**
 * An upstream's `Location` as the client must follow it: one that leads to the same upstream leads
 * back through the gateway. Undefined for a place at the upstream that the gateway does not reach.
 * @param path the path that was asked, without the base path
 */
export function rewriteLocation(
  location: string,
  path: string,
  { base, strip }: Mapping,
): string | undefined {
  const basePath = base.pathname.replace(/\/$/, "");
  const target = URL.parse(location, base.origin + basePath + path);
  if (target === null || target.origin !== base.origin) return location;
  const { pathname, search, hash } = target;
  if (!`${pathname}/`.startsWith(`${basePath}/`)) return undefined;
  const followed = strip + pathname.slice(basePath.length) || "/";
  // Two slashes at the front would name a host.
  return followed.startsWith("//") ? undefined : followed + search + hash;
}
