/** In what upstreams learn which URL a client asked for, whoever says it. */
const TOLD_OF_TARGET = [
  "cf-visitor",
  "cloudfront-forwarded-proto",
  "fastly-ssl",
  "forwarded",
  "front-end-https",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-prefix",
  "x-forwarded-proto",
  "x-scheme",
  "x-url-scheme",
] as const;

/**
 * The headers of a forward that are the gateway's word, or that it lets pass as a proxy's, and not
 * the client's: its responses depend on them, whatever their `Vary` says.
 * @param passed names in lower case of headers that pass although forwards remove them
 */
export function toldByForward(passed: Iterable<string>): string[] {
  return [...TOLD_OF_TARGET, ...passed];
}

/**
 * What a trusted proxy says besides, in lower case: who logged in (`X-Forwarded-User`), with which
 * certificate. Not the addresses, which go with `X-Forwarded-For`.
 */
export function toldByProxy(sent: Headers): string[] {
  return [...sent.keys()].filter((name) =>
    name.startsWith("x-forwarded-") && name !== "x-forwarded-for"
  );
}

/**
 * Headers that clients send to every site and that identify nobody: a response that depends on one
 * of them names it in `Vary`. `Authorization` and `Cookie` have rules of their own.
 */
const COMMON: ReadonlySet<string> = new Set([
  "accept-charset",
  "accept-encoding",
  "authorization",
  "baggage",
  "content-length",
  "content-type",
  "cookie",
  "dnt",
  "priority",
  "referer",
  "save-data",
  "te",
  "upgrade-insecure-requests",
  "user-agent",
  "x-correlation-id",
  "x-forwarded-for",
  "x-real-ip",
  "x-requested-with",
]);

/**
 * The other headers of a client, in lower case: an API key, a user that a login proxy names. Where
 * freshness is only the config's word, the upstream has not said that they make no difference.
 */
export function toldByClient(sent: Headers): string[] {
  return [...sent.keys()].filter((name) => !COMMON.has(name) && !name.startsWith("sec-"));
}
