/** Headers that proxies, load balancers and CDNs add to requests. */
const FORWARDING = new Set([
  "cdn-loop",
  "client-ip",
  "fastly-client-ip",
  "fly-client-ip",
  "forwarded",
  "forwarded-for",
  "remote-addr",
  "true-client-ip",
  "via",
  "x-amzn-trace-id",
  "x-appengine-user-ip",
  "x-azure-clientip",
  "x-azure-socketip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-forwarded",
  "x-host",
  "x-nf-client-connection-ip",
  "x-proxyuser-ip",
  "x-real-ip",
  "x-remote-addr",
  "x-remote-ip",
]);
const FAMILIES =
  /^(?:x-forwarded-|forwarded-|cf-|fastly-|fly-|x-amz-cf-|x-arr-|x-envoy-|x-original-|x-vercel-)/;

/** Returns the name of a header that shows a request passed a proxy; undefined if there is none. */
export function forwardingHeader(headers: Headers): string | undefined {
  return [...headers.keys()].find((name) => FORWARDING.has(name) || FAMILIES.test(name));
}
