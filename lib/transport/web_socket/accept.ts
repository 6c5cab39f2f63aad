/** How a client's connection is accepted. */
export interface AcceptOptions {
  /** The subprotocol that the upstream has chosen; empty for none. */
  readonly protocol: string;
  /** How long the client may be silent, and not respond to a ping (ms). */
  readonly idleMs: number;
}

/** A client's connection, which opens when the response has been sent. */
export interface Accepted {
  readonly socket: WebSocket;
  /** To be returned to the server; its status is 101. */
  readonly response: Response;
}

/**
 * Accepts the WebSocket connection that a client asks for. The platform pings a silent client.
 * @throws {TypeError} for a request that is no handshake
 */
export function accept(request: Request, options: AcceptOptions): Accepted {
  const { protocol, idleMs } = options;
  const accepted = Deno.upgradeWebSocket(request, { idleTimeout: idleMs / 1000 });
  // Deno's own option finds a protocol only in a list with a blank after each comma.
  if (protocol !== "") accepted.response.headers.set("sec-websocket-protocol", protocol);
  return accepted;
}
