/**
 * Headers with which a client could make an upstream serve another URL, host or method than the one
 * that was routed, limited and cached. Forwards remove them, even from trusted proxies, unless
 * `passHeaders` names them.
 */
export const OVERRIDES: ReadonlySet<string> = new Set([
  "x-forwarded-method",
  "x-forwarded-path",
  "x-forwarded-protocol",
  "x-forwarded-scheme",
  "x-forwarded-server",
  "x-forwarded-ssl",
  "x-forwarded-uri",
  "x-forwarded-url",
  "x-host",
  "x-http-host-override",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-host",
  "x-original-method",
  "x-original-uri",
  "x-original-url",
  "x-override-url",
  "x-rewrite-uri",
  "x-rewrite-url",
]);

/** Headers about a client or its route that upstreams only expect from a proxy. */
const SPOKEN_FOR_CLIENTS: ReadonlySet<string> = new Set([
  "cf-connecting-ip",
  "cf-connecting-ipv6",
  "cf-pseudo-ipv4",
  "cf-visitor",
  "client-ip",
  "cloudfront-forwarded-proto",
  "fastly-client-ip",
  "fastly-ssl",
  "fly-client-ip",
  "forwarded",
  "forwarded-for",
  "front-end-https",
  "remote-addr",
  "true-client-ip",
  "x-appengine-user-ip",
  "x-azure-clientip",
  "x-azure-socketip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-envoy-external-address",
  "x-forwarded",
  "x-nf-client-connection-ip",
  "x-proxyuser-ip",
  "x-real-ip",
  "x-remote-addr",
  "x-remote-ip",
  "x-scheme",
  "x-url-scheme",
]);

/**
 * Whether a header speaks for a client, which only a trusted proxy may do: its address, the
 * requested URL, its identity (`X-Forwarded-User`, `X-Forwarded-Client-Cert`).
 * @param name in lower case
 */
export function speaksForClients(name: string): boolean {
  return SPOKEN_FOR_CLIENTS.has(name) || name.startsWith("x-forwarded-");
}

/**
 * Whether a forward removes this header of a request.
 * @param name in lower case
 * @param isProxied whether a trusted proxy sent the request
 */
export function isRemovedHeader(name: string, isProxied: boolean): boolean {
  // CGI, WSGI and PHP treat `_` and `-` alike; a proxy only writes these names with `-`.
  const read = name.includes("_") ? name.replaceAll("_", "-") : name;
  return OVERRIDES.has(read) || ((!isProxied || read !== name) && speaksForClients(read));
}
