/**
 * Resolves a reference in an upstream's response. A URL of another target of the upstream becomes one
 * of its base URL, because the targets are the same resource; null if it is not a URL.
 * @param at the URL of the response
 * @param origin the origin of the base URL
 * @param otherOrigins those of the other targets
 */
export function upstreamUrl(
  reference: string,
  at: string | URL,
  origin: string,
  otherOrigins: readonly string[] = [],
): URL | null {
  const url = URL.parse(reference, at);
  if (url === null || !otherOrigins.includes(url.origin)) return url;
  return URL.parse(origin + url.pathname + url.search + url.hash);
}
