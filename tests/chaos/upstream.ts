import { createServer, type Server, type Socket } from "node:net";
import { answerOf, type Behaviour } from "./behaviour.ts";

const HOST = "127.0.0.1";
const BODY = JSON.stringify({ id: 7, name: "Ada", text: "x".repeat(300) });
const HEAD_END = "\r\n\r\n";

/** What an upstream has counted. */
export interface Counts {
  /** Calls so far; of one that never reads, connections. */
  readonly calls: number;
  /** The most calls at one time since the last count. */
  readonly peak: number;
}

/** A server on a port of its own that misbehaves when told to. It reads requests without a body. */
export class Upstream {
  #port = 0;
  #server: Server | undefined;
  #behaviour: Behaviour;
  #since = performance.now();
  readonly #sockets = new Set<Socket>();
  #calls = 0;
  #inFlight = 0;
  #peak = 0;

  private constructor(behaviour: Behaviour) {
    this.#behaviour = behaviour;
  }

  /** Starts one; resolves when it listens. */
  static async start(behaviour: Behaviour): Promise<Upstream> {
    const upstream = new Upstream(behaviour);
    await upstream.#listen();
    return upstream;
  }

  get port(): number {
    return this.#port;
  }

  /** Changes how calls are treated from now on. */
  async become(behaviour: Behaviour): Promise<void> {
    this.#behaviour = behaviour;
    this.#since = performance.now();
    const { kind } = behaviour;
    if (kind === "down" || kind === "half-open") {
      for (const socket of this.#sockets) socket.destroy();
    }
    if (kind !== "down") return await this.#listen();
    this.#server?.close();
    this.#server = undefined;
  }

  /** Counts, and begins a new peak. */
  count(): Counts {
    const counts = { calls: this.#calls, peak: this.#peak };
    this.#peak = this.#inFlight;
    return counts;
  }

  async #listen(): Promise<void> {
    if (this.#server) return;
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, HOST, resolve));
    const address = server.address();
    if (address !== null && typeof address === "object") this.#port = address.port;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
    if (this.#behaviour.kind === "half-open") {
      this.#calls++;
      socket.pause();
      return;
    }
    let received = "";
    socket.on("data", (bytes) => {
      received += bytes;
      while (received.includes(HEAD_END)) {
        received = received.slice(received.indexOf(HEAD_END) + HEAD_END.length);
        this.#called(socket);
      }
    });
  }

  #called(socket: Socket): void {
    this.#calls++;
    this.#peak = Math.max(this.#peak, ++this.#inFlight);
    const since = performance.now() - this.#since;
    const answer = answerOf(this.#behaviour, this.#inFlight, since, Math.random);
    const end = () => this.#inFlight--;
    if (answer) {
      setTimeout(() => {
        end();
        if (!socket.destroyed) socket.write(response(answer.status));
      }, answer.ms);
    } else if (this.#behaviour.kind === "resetting") {
      end();
      socket.resetAndDestroy();
    } else {
      socket.on("close", end);
    }
  }
}

function response(status: number): string {
  return `HTTP/1.1 ${status} Chaos\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${BODY.length}${HEAD_END}${BODY}`;
}
