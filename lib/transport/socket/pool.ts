import { connect, type ConnectOptions } from "./connect.ts";
import { Connection } from "./connection.ts";
import type { Origin } from "./origin.ts";

/** How many idle connections an origin has at most, and for how long. */
export interface PoolOptions extends ConnectOptions {
  readonly maxIdle: number;
  readonly idleMs: number;
}

/** The connections to one origin. */
export class Pool implements Disposable {
  readonly #origin: Origin;
  readonly #options: PoolOptions;
  readonly #open = new Set<Connection>();
  /** The last one used is used next: it is the least likely to be closed by the upstream. */
  readonly #idle: Connection[] = [];
  #sweep: ReturnType<typeof setTimeout> | undefined;
  #isDisposed = false;

  constructor(origin: Origin, options: PoolOptions) {
    this.#origin = origin;
    this.#options = options;
  }

  /** How many connections are open, idle or not. */
  get size(): number {
    return this.#open.size;
  }

  /** An idle connection; undefined when there is none. */
  take(): Connection | undefined {
    const now = performance.now();
    for (let last = this.#idle.pop(); last; last = this.#idle.pop()) {
      if (!last.isClosed && now < last.usableUntil) {
        last.wake();
        return last;
      }
      last.close();
    }
    return undefined;
  }

  /**
   * A new connection.
   * @throws {UpstreamFault}
   */
  async open(signal: AbortSignal): Promise<Connection> {
    const socket = await connect(this.#origin, signal, this.#options);
    const connection = new Connection(socket, this.#forget);
    this.#open.add(connection);
    if (this.#isDisposed || signal.aborted) connection.close();
    signal.throwIfAborted();
    return connection;
  }

  /**
   * Takes a connection back for the next request.
   * @param idleMs how long the upstream leaves it open
   */
  putBack(connection: Connection, idleMs: number): void {
    const { maxIdle } = this.#options;
    const ms = Math.min(idleMs, this.#options.idleMs);
    if (this.#isDisposed || ms <= 0 || this.#idle.length >= maxIdle) return connection.close();
    this.#idle.push(connection);
    connection.rest(performance.now() + ms);
    this.#sweepLater();
  }

  /** Closes all connections, those in use too. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
    clearTimeout(this.#sweep);
    for (const connection of this.#open) connection.close();
  }

  readonly #forget = (connection: Connection) => {
    this.#open.delete(connection);
    const at = this.#idle.lastIndexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  };

  /** One timer for all, and none while nothing is idle. */
  #sweepLater(): void {
    if (this.#sweep !== undefined) return;
    const sweep = setTimeout(() => {
      this.#sweep = undefined;
      const now = performance.now();
      for (const connection of [...this.#idle]) {
        if (connection.usableUntil <= now) connection.close();
      }
      if (this.#idle.length > 0) this.#sweepLater();
    }, this.#options.idleMs);
    // A timer that runs for good: it must not keep a program from its end.
    Deno.unrefTimer(sweep);
    this.#sweep = sweep;
  }
}
