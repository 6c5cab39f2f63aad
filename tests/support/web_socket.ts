// @ts-types="../../lib/transport/web_socket/ws.d.ts"
import { WebSocket as Client } from "ws";
import { startUpstream, type TestUpstream } from "./upstream.ts";

/** How a connection ended on one side. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** A WebSocket server, and what has happened on its connections. */
export interface TestWebSocketServer extends TestUpstream {
  /** The headers of each handshake. */
  readonly handshakes: Headers[];
  /** Its sides of the connections, in the order in which they came. */
  readonly sockets: WebSocket[];
  /** How each of its sides has ended, in that order. */
  readonly closed: Closed[];
}

/**
 * Starts a server that sends each message back. It chooses the last subprotocol of those that it is
 * offered, closes with CODE when it gets the text `close CODE`, and refuses paths that contain `refuse`.
 */
export function startEcho(onOpen: (socket: WebSocket) => void = () => {}): TestWebSocketServer {
  const sockets: WebSocket[] = [];
  const closed: Closed[] = [];
  const handshakes: Headers[] = [];
  const upstream = startUpstream((request) => {
    handshakes.push(new Headers(request.headers)); // later, they cannot be read
    if (request.url.includes("refuse")) {
      return new Response("not you", { status: 403, headers: { "x-why": "because" } });
    }
    const protocol = request.headers.get("sec-websocket-protocol")?.split(", ").at(-1);
    const { socket, response } = Deno.upgradeWebSocket(request, protocol ? { protocol } : {});
    response.headers.append("set-cookie", "a=1");
    response.headers.append("set-cookie", "b=2");
    sockets.push(socket);
    socket.onopen = () => onOpen(socket);
    socket.onmessage = ({ data }) => {
      const [, code, reason] = /^close (\d+) ?(.*)$/.exec(String(data)) ?? [];
      if (code !== undefined) socket.close(Number(code), reason);
      else socket.send(data);
    };
    socket.onclose = ({ code, reason }) => closed.push({ code, reason });
    return response;
  });
  return Object.assign(upstream, { handshakes, sockets, closed });
}

/** A client's side of a WebSocket connection. */
export class TestClient {
  readonly socket: Client;
  readonly closed: Promise<Closed>;
  /** The status of the response, if it accepted no connection. */
  readonly refused: Promise<{ status: number; headers: Headers; body: string }>;
  /** The headers of the response that accepted the connection. */
  headers: readonly string[] = [];
  readonly #messages: (string | Uint8Array)[] = [];
  readonly #waiting: ((message: string | Uint8Array) => void)[] = [];

  constructor(
    url: string,
    options: { protocols?: string[]; headers?: Record<string, string> } = {},
  ) {
    const { protocols = [], headers = {} } = options;
    const socket = this.socket = new Client(url.replace(/^http/, "ws"), protocols, {
      headers,
      perMessageDeflate: false,
      maxPayload: 64 * 1024 * 1024,
    });
    socket.on("error", () => {});
    socket.on("upgrade", ({ rawHeaders }) => this.headers = rawHeaders);
    socket.on("message", (data: Buffer, isBinary) => {
      const message = isBinary ? new Uint8Array(data) : data.toString();
      const next = this.#waiting.shift();
      if (next) next(message);
      else this.#messages.push(message);
    });
    this.closed = new Promise((resolve) =>
      socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }))
    );
    this.refused = new Promise((resolve) =>
      socket.on("unexpected-response", async (_request, response) => {
        let body = "";
        for await (const chunk of response) body += chunk;
        const headers = new Headers();
        const { rawHeaders: raw, statusCode: status = 0 } = response;
        for (let at = 0; at < raw.length; at += 2) headers.append(raw[at] ?? "", raw[at + 1] ?? "");
        resolve({ status, headers, body });
      })
    );
  }

  /** Resolves when the connection is open. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.once("open", resolve);
      this.socket.once("error", reject);
    });
  }

  /** The next message that has come. */
  next(): Promise<string | Uint8Array> {
    const message = this.#messages.shift();
    if (message !== undefined) return Promise.resolve(message);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
