import type { Bytes } from "../../core/bytes.ts";
import type { Clock } from "../../core/clock.ts";
import type { Timer, TimerQueue } from "../../core/timer_queue.ts";
import type { UpstreamWebSocket, WebSocketListener } from "../../core/web_socket.ts";
import { type MessageLimit, MessageRate } from "./message_rate.ts";

const [GOING_AWAY, POLICY, TOO_LARGE, INTERNAL, TRY_LATER] = [1001, 1008, 1009, 1011, 1013];
/** Codes that no frame has (RFC 6455 section 7.4.1). */
const [NO_CODE, LOST] = [1005, 1006];

/** From here on a slow client makes its upstream wait (bytes). */
const HIGH_WATER = 1024 * 1024;
/** How many messages of the largest size may wait for a slow upstream. */
const MAX_UNSENT = 8;
/** How often it is checked whether a slow client has read (ms). */
const DRAIN_MS = 20;

/** What joins two connections. */
export interface BridgeOptions {
  readonly upstream: UpstreamWebSocket;
  /** Maximum size of a client's message (bytes). */
  readonly maxMessage: number;
  /** How many messages the client may send; undefined: any number. */
  readonly messages: MessageLimit | undefined;
  /** Half the time after which a silent upstream is given up. */
  readonly pings: TimerQueue;
  /** How long a client may read nothing while data is waiting for it (ms). */
  readonly sendTimeoutMs: number;
  /** How long a side may take for the closing handshake. */
  readonly closes: TimerQueue;
  readonly clock: Clock;
}

/** How a connection ended, for the log. */
export interface BridgeEnd {
  /** How many messages the client has sent. */
  readonly received: number;
  /** How many messages were sent to the client. */
  readonly sent: number;
  /** The close code. */
  readonly code: number;
}

/**
 * Passes messages between a client and an upstream until either side ends its connection, and then
 * ends the other in the same way.
 *
 * A slow client makes the upstream wait. The platform has no means to make a client wait: when too
 * much of it is waiting for a slow upstream, the connection is closed with 1013.
 */
export class Bridge implements WebSocketListener {
  readonly #options: BridgeOptions;
  readonly #client: WebSocket;
  readonly #ended = Promise.withResolvers<BridgeEnd>();
  #received = 0;
  #sent = 0;
  #code = LOST;
  #isClosing = false;
  #hasClientClosed = false;
  #hasUpstreamClosed = false;
  #isPaused = false;
  #isHeard = true;
  readonly #rate: MessageRate | undefined;
  readonly #ping: Timer;
  #closing: Timer | undefined;

  /** @param client opens once its response has been sent */
  constructor(client: WebSocket, options: BridgeOptions) {
    this.#client = client;
    this.#options = options;
    this.#rate = options.messages && new MessageRate(options.messages);
    this.#ping = options.pings.set(() => this.#pingUpstream());
    client.onopen = () => options.upstream.listen(this);
    client.onmessage = ({ data }) => this.#fromClient(data);
    client.onclose = ({ code, reason, wasClean }) =>
      this.#clientClosed(wasClean ? code : LOST, reason);
  }

  /** Resolves when both connections have ended. */
  get ended(): Promise<BridgeEnd> {
    return this.#ended.promise;
  }

  /** Tells both sides that the gateway goes away. */
  stop(): void {
    this.#close(GOING_AWAY, "the gateway is stopping");
  }

  onMessage(data: string | Bytes): void {
    this.#isHeard = true;
    if (this.#isClosing) return;
    this.#sent++;
    this.#client.send(data);
    if (!this.#isPaused && this.#client.bufferedAmount > HIGH_WATER) this.#waitForClient();
  }

  onPong(): void {
    this.#isHeard = true;
  }

  onClose(code: number, reason: string): void {
    this.#hasUpstreamClosed = true;
    if (code === LOST) this.#close(INTERNAL, "the connection to the upstream was lost");
    else this.#close(code, reason);
    this.#endIfClosed();
  }

  #fromClient(data: string | ArrayBuffer): void {
    if (this.#isClosing) return;
    const { upstream, maxMessage, clock } = this.#options;
    if (this.#rate?.take(clock.monotonic()) === false) {
      return this.#close(POLICY, "the client sends too many messages");
    }
    if (sizeOf(data, maxMessage) > maxMessage) {
      return this.#close(TOO_LARGE, `a message is larger than ${maxMessage} bytes`);
    }
    this.#received++;
    upstream.send(typeof data === "string" ? data : new Uint8Array(data));
    if (upstream.bufferedAmount > MAX_UNSENT * maxMessage) {
      this.#close(TRY_LATER, "the upstream reads too slowly");
    }
  }

  #clientClosed(code: number, reason: string): void {
    this.#hasClientClosed = true;
    this.#close(code, reason);
    this.#endIfClosed();
  }

  /** Ends both connections, each unless it has ended. */
  #close(code: number, reason: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#code = code;
    const { upstream, closes, pings } = this.#options;
    pings.stop(this.#ping);
    this.#closing = closes.set(() => this.#end());
    if (!this.#hasClientClosed) closeWith(this.#client, code, reason);
    if (this.#hasUpstreamClosed) return;
    upstream.resume();
    if (code === LOST) upstream.terminate();
    else closeWith(upstream, code, reason);
  }

  #endIfClosed(): void {
    if (this.#hasClientClosed && this.#hasUpstreamClosed) this.#end();
  }

  #end(): void {
    const { closes, upstream } = this.#options;
    if (this.#closing) closes.stop(this.#closing);
    if (!this.#hasUpstreamClosed) upstream.terminate();
    this.#ended.resolve({ received: this.#received, sent: this.#sent, code: this.#code });
  }

  #pingUpstream(): void {
    const { upstream, pings } = this.#options;
    if (!this.#isHeard && !this.#isPaused) return upstream.terminate();
    this.#isHeard = false;
    upstream.ping();
    pings.start(this.#ping);
  }

  async #waitForClient(): Promise<void> {
    const { upstream, clock, sendTimeoutMs } = this.#options;
    this.#isPaused = true;
    upstream.pause();
    let waiting = this.#client.bufferedAmount;
    let since = clock.monotonic();
    while (!this.#isClosing && waiting > HIGH_WATER / 2) {
      await clock.sleep(DRAIN_MS);
      const left = this.#client.bufferedAmount;
      const now = clock.monotonic();
      if (left < waiting) since = now;
      else if (now - since > sendTimeoutMs) this.#close(TRY_LATER, "the client reads too slowly");
      waiting = left;
    }
    this.#isPaused = false;
    if (!this.#isClosing) upstream.resume();
  }
}

function closeWith(
  side: Pick<UpstreamWebSocket, "close">,
  code: number,
  reason: string,
): void {
  if (code === NO_CODE) side.close();
  else side.close(code, reason);
}

/** The size of a message as it is sent; a text is encoded only where its length does not decide. */
function sizeOf(data: string | ArrayBuffer, limit: number): number {
  if (typeof data !== "string") return data.byteLength;
  const { length } = data;
  if (length > limit || 3 * length <= limit) return length;
  return new TextEncoder().encode(data).length;
}
