import { UpstreamFault } from "../../core/upstream_fault.ts";
import { connect, type ConnectOptions } from "./connect.ts";
import { Connection } from "./connection.ts";
import type { Origin } from "./origin.ts";

/** Bounds of an origin's idle connections. */
export interface PoolOptions extends ConnectOptions {
  readonly maxIdle: number;
  readonly idleMs: number;
}

/** A pool of connections to one origin. */
export class Pool implements Disposable {
  readonly #origin: Origin;
  readonly #options: PoolOptions;
  readonly #open = new Set<Connection>();
  /**
   * The most recently used is reused first: it is the least likely to be closed by the upstream.
   */
  readonly #idle: Connection[] = [];
  #sweep: ReturnType<typeof setTimeout> | undefined;
  #isDisposed = false;

  constructor(origin: Origin, options: PoolOptions) {
    this.#origin = origin;
    this.#options = options;
  }

  /** The number of open connections, idle or not. */
  get size(): number {
    return this.#open.size;
  }

  /** The number of idle ones. */
  get idle(): number {
    return this.#idle.length;
  }

  /** Takes an idle connection; undefined if there is none. */
  take(): Connection | undefined {
    const now = Date.now();
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
   * Opens a connection that is not the pool's, for another protocol than HTTP.
   * @throws {UpstreamFault}
   */
  dial(signal: AbortSignal): Promise<Deno.Conn> {
    return connect(this.#origin, signal, this.#options);
  }

  /**
   * Opens a new connection.
   * @throws {UpstreamFault}
   */
  async open(signal: AbortSignal): Promise<Connection> {
    const socket = await this.dial(signal);
    const connection = new Connection(socket, this.#forget);
    this.#open.add(connection);
    if (this.#isDisposed || signal.aborted) connection.close();
    signal.throwIfAborted();
    if (this.#isDisposed) throw new UpstreamFault("closed", "the connections were closed");
    return connection;
  }

  /**
   * Returns a connection to the pool.
   * @param idleMs how long the upstream leaves it open
   */
  putBack(connection: Connection, idleMs: number): void {
    const { maxIdle } = this.#options;
    const ms = Math.min(idleMs, this.#options.idleMs);
    if (this.#isDisposed || ms <= 0 || this.#idle.length >= maxIdle) return connection.close();
    this.#idle.push(connection);
    connection.rest(Date.now() + ms);
    this.#sweepLater();
  }

  /** Closes all connections, including those in use. */
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

  /** One timer for all connections; none while none is idle. */
  #sweepLater(): void {
    if (this.#sweep !== undefined) return;
    const sweep = setTimeout(() => {
      this.#sweep = undefined;
      const now = Date.now();
      for (const connection of [...this.#idle]) {
        if (connection.usableUntil <= now) connection.close();
      }
      if (this.#idle.length > 0) this.#sweepLater();
    }, this.#options.idleMs);
    // A recurring timer must not keep the process alive.
    Deno.unrefTimer(sweep);
    this.#sweep = sweep;
  }
}
