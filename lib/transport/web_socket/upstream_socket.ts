import type { Bytes } from "../../core/bytes.ts";
import type { UpstreamWebSocket, WebSocketListener } from "../../core/web_socket.ts";
import type { WebSocket } from "./ws.d.ts";

const TOO_LARGE = 1009;

/** An open connection of `ws`. It is paused until it has a listener. */
export class UpstreamSocket implements UpstreamWebSocket {
  readonly #socket: WebSocket;
  #isTooLarge = false;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.pause();
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  listen(listener: WebSocketListener): void {
    const socket = this.#socket;
    socket.on("message", (data: Buffer<ArrayBuffer>, isBinary: boolean) => {
      listener.onMessage(isBinary ? data : data.toString());
    });
    socket.on("pong", () => listener.onPong());
    socket.on("error", (error: Error & { readonly code?: string }) => {
      this.#isTooLarge ||= error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
    });
    socket.on("close", (code: number, reason: Buffer) => {
      listener.onClose(this.#isTooLarge ? TOO_LARGE : code, reason.toString());
    });
    socket.resume();
  }

  send(data: string | Bytes): void {
    this.#socket.send(data, ignore);
  }

  ping(): void {
    this.#socket.ping(undefined, undefined, ignore);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }
}

/** What cannot be sent is lost with its connection, whose end is told. */
function ignore(): void {}
