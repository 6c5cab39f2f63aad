// The part of `ws` that is used. The package has no types of its own, and those of @types/ws bring
// Node's globals, which differ from the platform's.
import type { Buffer } from "node:buffer";
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

export interface ClientOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Maximum size of a message (bytes). */
  readonly maxPayload?: number;
  readonly perMessageDeflate?: boolean;
  readonly createConnection?: () => Duplex;
  /** Called in place of `request.end()`. */
  readonly finishRequest?: (request: ClientRequest) => void;
}

type Done = (error?: Error) => void;

export class WebSocket {
  constructor(url: string, protocols: readonly string[], options: ClientOptions);
  readonly protocol: string;
  readonly bufferedAmount: number;
  send(data: string | Uint8Array, done?: Done): void;
  send(data: string | Uint8Array, options: { readonly fin: boolean }, done?: Done): void;
  ping(data: undefined, mask: undefined, done: Done): void;
  pause(): void;
  resume(): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
  on(event: "upgrade", listener: (response: IncomingMessage) => void): this;
  on(
    event: "unexpected-response",
    listener: (request: ClientRequest, response: IncomingMessage) => void,
  ): this;
  on(
    event: "message",
    listener: (data: Buffer<ArrayBuffer>, isBinary: boolean) => void,
  ): this;
  on(event: "close", listener: (code: number, reason: Buffer) => void): this;
  on(event: "error", listener: (error: Error & { readonly code?: string }) => void): this;
  on(event: "open" | "ping" | "pong", listener: () => void): this;
  once(event: "open", listener: () => void): this;
  once(event: "error", listener: (error: Error) => void): this;
}
