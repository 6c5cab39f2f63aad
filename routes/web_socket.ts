import type { WebSocketSettings } from "../lib/config/web_socket.ts";
import type { Clock } from "../lib/core/clock.ts";
import { GatewayError } from "../lib/core/errors.ts";
import type { Source } from "../lib/core/source.ts";
import { TimerQueue } from "../lib/core/timer_queue.ts";
import type { UpstreamWebSocket, WebSocketOffer } from "../lib/core/web_socket.ts";
import { originMatcher } from "../lib/http/origin_patterns.ts";
import { isWebSocketUpgrade } from "../lib/http/is_web_socket_upgrade.ts";
import type { Shutdown } from "../lib/process/shutdown.ts";
import { accept } from "../lib/transport/web_socket/accept.ts";
import { Bridge } from "../lib/transport/web_socket/bridge.ts";
import type { Exchange } from "../middleware/exchange.ts";
import { ResponseDraft } from "../middleware/response_draft.ts";

/** How long a side may take for the closing handshake (ms). */
const CLOSE_MS = 5_000;
const VERSION = "13";

/** The WebSocket connections of a route. */
export interface WebSocketOptions extends WebSocketSettings {
  /** Calls the upstream, without a cache. */
  readonly source: Source;
  /** The origins whose pages may read responses. */
  readonly corsOrigins: readonly string[];
  /** How long a client may read nothing while data is waiting for it (ms). */
  readonly sendTimeoutMs: number;
  readonly clock: Clock;
  readonly shutdown: Shutdown;
}

/**
 * Passes the WebSocket connections of a route on. The upstream is asked first, so that the client gets
 * its subprotocol, or its refusal.
 */
export class WebSockets {
  readonly source: Source;
  readonly #options: WebSocketOptions;
  readonly #isAllowed: (origin: string) => boolean;
  readonly #pings: TimerQueue;
  readonly #closes: TimerQueue;
  readonly #open = new Set<Bridge>();

  constructor(options: WebSocketOptions) {
    const { source, origins, corsOrigins, idleTimeoutMs, clock, shutdown } = options;
    this.source = source;
    this.#options = options;
    // Any page may read what `*` makes public, but a WebSocket comes with the client's cookies.
    const allowed = origins ?? corsOrigins.filter((origin) => origin !== "*");
    this.#isAllowed = allowed.includes("*") ? () => true : originMatcher(allowed);
    this.#pings = new TimerQueue(idleTimeoutMs / 2, clock);
    this.#closes = new TimerQueue(CLOSE_MS, clock);
    shutdown.onBegin(() => {
      for (const bridge of this.#open) bridge.stop();
    });
  }

  /**
   * Returns what to ask the upstream for; undefined if the request is for no WebSocket.
   * @param host the host that the client has called
   * @throws {GatewayError} if the handshake is invalid, or from a page that may not connect
   */
  offer({ method, headers, env }: Exchange, host: string): WebSocketOffer | undefined {
    if (method !== "GET" || !isWebSocketUpgrade(headers)) return undefined;
    if (env.batch || !/\bupgrade\b/i.test(headers.get("connection") ?? "")) return undefined;
    if (headers.get("sec-websocket-version") !== VERSION) {
      throw new GatewayError("bad-request", `only WebSocket version ${VERSION} is supported`, {
        status: 426,
        headers: { "upgrade": "websocket", "sec-websocket-version": VERSION },
      });
    }
    if (!headers.has("sec-websocket-key")) {
      throw new GatewayError("bad-request", "Sec-WebSocket-Key is missing");
    }
    const origin = headers.get("origin");
    if (origin !== null && !this.#mayConnect(origin, host)) {
      throw new GatewayError("forbidden", "pages of this origin may not connect");
    }
    const { maxMessage, shutdown } = this.#options;
    if (shutdown.isBegun) throw new GatewayError("overloaded", "the gateway is stopping");
    return { maxMessage };
  }

  /**
   * Joins the client's connection to the upstream's.
   * @param headers of the upstream's response
   */
  join(c: Exchange, upstream: UpstreamWebSocket, headers: Headers): ResponseDraft {
    const { idleTimeoutMs: idleMs, maxMessage, messages, sendTimeoutMs, clock } = this.#options;
    const [pings, closes] = [this.#pings, this.#closes];
    try {
      const { socket, response } = accept(c.request, { protocol: upstream.protocol, idleMs });
      const bridge = new Bridge(socket, {
        upstream,
        maxMessage,
        messages,
        pings,
        closes,
        sendTimeoutMs,
        clock,
      });
      this.#open.add(bridge);
      c.sending = bridge.ended.then((end) => {
        this.#open.delete(bridge);
        c.webSocket = end;
        return "sent";
      });
      return new UpgradeDraft(response, headers);
    } catch (error) {
      upstream.terminate();
      throw error;
    }
  }

  /** CORS does not cover WebSockets: any page can connect, unless the server refuses its origin. */
  #mayConnect(origin: string, host: string): boolean {
    return this.#isAllowed(origin) || URL.parse(origin)?.host === host.toLowerCase();
  }
}

/** The response that accepts a WebSocket connection: the platform's, with more headers. */
class UpgradeDraft extends ResponseDraft {
  override readonly status = 101;
  readonly #response: Response;

  constructor(response: Response, headers: Headers) {
    super(null, { headers });
    this.#response = response;
  }

  override build(): Response {
    const sent = this.#response.headers;
    this.fields.each((name, value) => {
      // These are the platform's.
      if (name !== "connection" && name !== "upgrade") sent.append(name, value);
    });
    return this.#response;
  }
}
