import type { Clock } from "../core/clock.ts";

/** How often the free file descriptors are checked (ms). */
const LOOK_MS = 250;
/** The pause before the address is tried again (ms). */
const RETRY_MS = 10;
/** How long requests in flight may use all descriptors before it is logged (ms). */
const FULL_MS = 1_000;
/** How long the address may be in use by another program before the listener gives up (ms). */
const GIVE_UP_MS = 10_000;

/** The part of `Deno.HttpServer` that a listener uses. */
export interface ListeningServer {
  /** Rejects when connections can no longer be accepted. */
  readonly finished: Promise<void>;
  /** Stops listening, closes idle connections, and resolves when all others have ended. */
  shutdown(): Promise<void>;
}

/** Dependencies of a listener. */
export interface ListenerOptions {
  /** Starts a server, always on the same address; throws when it cannot. */
  readonly serve: () => ListeningServer;
  /** Whether enough file descriptors are left for calls to upstreams and the store. */
  readonly hasRoom: () => boolean;
  readonly clock: Clock;
  /** Called when new connections have been refused for long, because requests in flight use all descriptors. */
  readonly onFull: () => void;
  /** Called when it listens again: why it had stopped, and how often that has happened. */
  readonly onReopen: (why: unknown, times: number) => void;
  /** Called with the reason when it gives up. */
  readonly onEnd: (error: unknown) => void;
}

/**
 * Listens for as long as the program runs.
 *
 * `Deno.serve` has no limit on connections, no timeout for a request's head or an idle connection,
 * and never accepts again once file descriptors have run out. But its graceful shutdown closes
 * connections that are idle or have sent at most half a head, and lets requests in flight finish. So
 * when descriptors become scarce, or accepting fails, the server is shut down and replaced as soon as
 * descriptors are free again.
 */
export class Listener {
  readonly #options: ListenerOptions;
  #server: ListeningServer;
  /** Servers that have been shut down and still have requests in flight. */
  readonly #ending = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #isReopening = false;
  /** Whether descriptors were free at the last check. */
  #hadRoom: boolean;
  #times = 0;

  /** Starts listening; throws what `serve` throws. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#hadRoom = options.hasRoom();
    this.#server = this.#serve();
    this.#watch();
  }

  /** Stops listening. Resolves when all requests in flight have ended. */
  async shutdown(): Promise<void> {
    this.#stop.abort(STOPPED);
    this.#end(this.#server);
    while (this.#ending.size > 0) await Promise.all(this.#ending);
  }

  /**
   * Replaces the server, without refusing a connection: needs an address that both can listen on.
   * Throws what `serve` throws; then the one before goes on.
   */
  replace(): void {
    // A server that is being opened will be a new one anyway.
    if (this.#isReopening || this.#stop.signal.aborted) return;
    const replaced = this.#server;
    this.#server = this.#serve();
    this.#end(replaced);
  }

  #serve(): ListeningServer {
    const server = this.#options.serve();
    const reopen = (why: unknown) => {
      if (server === this.#server) this.#reopen(why);
    };
    server.finished.then(() => reopen("it stopped listening"), reopen);
    return server;
  }

  #end(server: ListeningServer): void {
    const ending = server.shutdown().catch(() => {}).then(() => {
      this.#ending.delete(ending);
    });
    this.#ending.add(ending);
  }

  async #watch(): Promise<void> {
    const { clock, hasRoom } = this.#options;
    while (!this.#stop.signal.aborted) {
      await clock.sleep(LOOK_MS, this.#stop.signal).catch(() => {});
      if (this.#isReopening) continue;
      const hadRoom = this.#hadRoom;
      this.#hadRoom = hasRoom();
      if (hadRoom && !this.#hadRoom) this.#reopen("few file descriptors are left");
    }
  }

  async #reopen(why: unknown): Promise<void> {
    const { clock, hasRoom, onFull, onReopen, onEnd } = this.#options;
    if (this.#isReopening || this.#stop.signal.aborted) return;
    this.#isReopening = true;
    this.#end(this.#server);
    const begun = clock.monotonic();
    let isReported = false;
    let failingSince: number | undefined;
    while (!this.#stop.signal.aborted) {
      try {
        // A new connection would take a descriptor that requests in flight need. With none in flight,
        // something else uses the descriptors, and waiting would not help.
        const isRoomy = hasRoom();
        if (isRoomy || this.#ending.size === 0) {
          this.#server = this.#serve();
          // Connections that fill it before the next check are closed by that one.
          this.#hadRoom = isRoomy;
          this.#isReopening = false;
          return onReopen(why, ++this.#times);
        }
        failingSince = undefined;
        if (!isReported && clock.monotonic() - begun >= FULL_MS) {
          isReported = true;
          onFull();
        }
      } catch (error) {
        // The old server needs a moment to release the address.
        failingSince ??= clock.monotonic();
        if (clock.monotonic() - failingSince >= GIVE_UP_MS) return onEnd(error);
      }
      await clock.sleep(RETRY_MS, this.#stop.signal).catch(() => {});
    }
  }
}

/** Why waiting ended; a constant, so that no stack trace is captured. */
const STOPPED = Symbol("stopped");
