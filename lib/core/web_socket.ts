import type { Bytes } from "./bytes.ts";

/** Asks for a WebSocket connection instead of a response (RFC 6455). */
export interface WebSocketOffer {
  /** Maximum size of a message that the upstream may send (bytes); a larger one ends the connection. */
  readonly maxMessage: number;
}

/** Is told what arrives on a WebSocket connection. */
export interface WebSocketListener {
  /** A whole message: a string for text, bytes for binary. */
  onMessage(data: string | Bytes): void;
  /** The other side has responded to a ping. */
  onPong(): void;
  /**
   * The connection has ended.
   * @param code 1005 without a code, 1006 if it was lost, 1009 after a message that was too large
   */
  onClose(code: number, reason: string): void;
}

/** An open WebSocket connection to an upstream; it reads nothing before it has a listener. */
export interface UpstreamWebSocket {
  /** The subprotocol that the upstream has chosen; empty for none. */
  readonly protocol: string;
  /** What was sent and is not written yet (bytes). */
  readonly bufferedAmount: number;
  /** Starts to read; called once. */
  listen(listener: WebSocketListener): void;
  /** Sends a message: a string as text, bytes as binary. */
  send(data: string | Bytes): void;
  /** Asks the upstream for a sign of life. */
  ping(): void;
  /** Stops reading, so that the upstream has to wait; what has arrived may still be told. */
  pause(): void;
  /** Reads on. */
  resume(): void;
  /** Starts the closing handshake. @param code none for a close frame without one */
  close(code?: number, reason?: string): void;
  /** Ends the connection without a closing handshake. */
  terminate(): void;
}
