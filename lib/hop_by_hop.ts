/** Headers that speak of one connection alone (RFC 9110 section 7.6.1, RFC 7540 section 3.2.1). */
const HOP_BY_HOP = [
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** RFC 9110 section 15.5.22. */
const UPGRADE_REQUIRED = 426;

/**
 * A copy without the headers that end at this hop, those that `Connection` names among them.
 * @param status of a response: 426 keeps `Upgrade`, which says what the client must switch to
 */
export function endToEndHeaders(headers: Headers, status?: number): Headers {
  const kept = new Headers(headers);
  const upgrade = status === UPGRADE_REQUIRED ? headers.get("upgrade") : null;
  const named = headers.get("connection")?.split(",").map((name) => name.trim()) ?? [];
  for (const name of [...HOP_BY_HOP, ...named]) {
    if (/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) kept.delete(name);
  }
  if (upgrade !== null) kept.set("upgrade", upgrade);
  return kept;
}
