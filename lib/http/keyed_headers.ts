import { headerNames } from "./header_names.ts";

/** Headers from which upstreams learn the requested URL. */
const TARGET_HEADERS = [
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
 * Returns the headers that are in the cache key of every forward: they come from the gateway or a
 * trusted proxy, and responses depend on them, whatever their `Vary` says.
 * @param passed headers that pass although forwards remove them, in lower case
 */
export function keyedForwardHeaders(passed: Iterable<string>): string[] {
  return [...TARGET_HEADERS, ...passed];
}

/**
 * Returns the other headers of a trusted proxy that are in the cache key, in lower case: the user
 * (`X-Forwarded-User`), its certificate; not the addresses in `X-Forwarded-For`.
 */
export function keyedProxyHeaders(sent: Headers): string[] {
  return headerNames(
    sent,
    (name) => name.startsWith("x-forwarded-") && name !== "x-forwarded-for",
  );
}

/**
 * Headers that clients send to every site and that do not identify them: a response that depends on
 * one names it in `Vary`. `Authorization` and `Cookie` have separate rules.
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
 * Returns the headers of a client that are in the cache key where freshness comes only from the
 * config, in lower case: an API key, a user that a login proxy names. The upstream has not declared
 * there that they make no difference.
 */
export function keyedClientHeaders(sent: Headers): string[] {
  return headerNames(sent, (name) => !COMMON.has(name) && !name.startsWith("sec-"));
}
