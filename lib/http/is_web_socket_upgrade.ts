/**
 * Whether a request asks for a WebSocket connection. Any other upgrade is an offer that a server may
 * ignore (RFC 9110 section 7.8).
 */
export function isWebSocketUpgrade(headers: Headers): boolean {
  const upgrade = headers.get("upgrade");
  if (upgrade === null) return false;
  return upgrade.split(",").some((protocol) => /^\s*websocket\s*(?:\/|$)/i.test(protocol));
}
