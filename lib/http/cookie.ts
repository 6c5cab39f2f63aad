/**
 * Returns a cookie of a request (RFC 6265 section 5.4): the first of that name, as user agents send the
 * most specific one first; undefined if there is none. The value is as sent, without its quotes.
 */
export function cookieOf(headers: Headers, name: string): string | undefined {
  for (const pair of headers.get("cookie")?.split(";") ?? []) {
    const equals = pair.indexOf("=");
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    return pair.slice(equals + 1).trim().replace(/^"(.*)"$/, "$1");
  }
  return undefined;
}
