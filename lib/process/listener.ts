import type { Clock } from "../core/clock.ts";

/** How often it is looked whether file descriptors are left (ms). */
const LOOK_MS = 250;
/** How long to wait before the address is tried again (ms). */
const RETRY_MS = 10;
/** How long requests in flight may take all room before somebody is told (ms). */
const FULL_MS = 1_000;
/** How long an address may be taken by somebody else before the listener gives up (ms). */
const GIVE_UP_MS = 10_000;

/** What a listener needs of `Deno.HttpServer`. */
export interface ListeningServer {
  /** Rejects when connections can no longer be accepted. */
  readonly finished: Promise<void>;
  /** Stops listening, closes idle connections, and resolves when all others have ended. */
  shutdown(): Promise<void>;
}

/** What a listener needs from outside. */
export interface ListenerOptions {
  /** Listens; throws when it cannot. Always the same address. */
  readonly serve: () => ListeningServer;
  /** Whether enough file descriptors are left for calls to upstreams and the store. */
  readonly hasRoom: () => boolean;
  readonly clock: Clock;
  /** Told when new connections are refused for long, because requests in flight take all room. */
  readonly onFull: () => void;
  /** Told that it listens again: why it stopped, and how often that happened so far. */
  readonly onReopen: (why: unknown, times: number) => void;
  /** Told why it cannot listen any more. */
  readonly onEnd: (error: unknown) => void;
}

/**
 * Listens for as long as the program runs.
 *
 * `Deno.serve` has no bound on connections, and accepts none ever again once file descriptors ran
 * out; nor has it a time bound for a request's head or an idle connection. But its graceful
 * shutdown closes what is idle, has sent nothing, or half a head, and lets requests in flight end.
 * So whenever descriptors get scarce, or accepting failed, the server is shut down and another one
 * takes its place, as soon as there is room again.
 */
export class Listener {
  readonly #options: ListenerOptions;
  #server: ListeningServer;
  /** Servers that have been shut down and still have requests in flight. */
  readonly #ending = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #isReopening = false;
  /** Whether there was room when it was looked last. */
  #hadRoom = false;
  #times = 0;

  /** Listens at once; throws what `serve` throws. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#server = this.#serve();
    this.#watch();
  }

  /** Stops listening, and resolves when all requests in flight have ended. */
  async shutdown(): Promise<void> {
    this.#stop.abort(STOPPED);
    this.#end(this.#server);
    while (this.#ending.size > 0) await Promise.all(this.#ending);
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
    let isTold = false;
    let failingSince: number | undefined;
    while (!this.#stop.signal.aborted) {
      try {
        // Without room, who is accepted next would take what requests in flight need. When none is
        // in flight, it is not clients who take the descriptors.
        if (hasRoom() || this.#ending.size === 0) {
          this.#server = this.#serve();
          this.#isReopening = false;
          return onReopen(why, ++this.#times);
        }
        failingSince = undefined;
        if (!isTold && clock.monotonic() - begun >= FULL_MS) {
          isTold = true;
          onFull();
        }
      } catch (error) {
        // The old server needs a moment to give the address back.
        failingSince ??= clock.monotonic();
        if (clock.monotonic() - failingSince >= GIVE_UP_MS) return onEnd(error);
      }
      await clock.sleep(RETRY_MS, this.#stop.signal).catch(() => {});
    }
  }
}

/** Why waiting ended; a constant, so that no stack is captured for it. */
const STOPPED = Symbol("stopped");
