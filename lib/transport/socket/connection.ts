import type { Bytes } from "../../core/bytes.ts";
import { UpstreamFault } from "../../core/upstream_fault.ts";
import { faultOf } from "../fault_of.ts";

/** Size of a read; the buffer grows for larger heads. */
const BUFFER_BYTES = 16 * 1024;

/**
 * A connection to an upstream with its read buffer: the bytes from `start` to `end` have arrived
 * and are not yet consumed.
 *
 * While idle, a read is pending, so that an upstream's close is noticed before the next request is
 * sent; for that request, it is the first read of the response.
 */
export class Connection {
  buffer: Bytes = new Uint8Array(BUFFER_BYTES);
  start = 0;
  end = 0;
  /** Whether it has served a request before. */
  isReused = false;
  /** Whether a byte has arrived since the request was sent. */
  hasResponded = false;
  /** Until when it may be reused (performance.now). */
  usableUntil = Infinity;
  readonly #socket: Deno.Conn;
  readonly #onClose: (connection: Connection) => void;
  #ahead: Promise<number | null> | undefined;
  #isIdle = false;
  #isClosed = false;

  constructor(socket: Deno.Conn, onClose: (connection: Connection) => void) {
    this.#socket = socket;
    this.#onClose = onClose;
  }

  /** Whether the buffer is empty. */
  get isDrained(): boolean {
    return this.start === this.end && this.#ahead === undefined;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Reads into the buffer; false at the end of the upstream's data.
   * @throws {UpstreamFault}
   */
  async fill(): Promise<boolean> {
    let ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead === undefined) {
      this.#makeRoom();
      ahead = this.#socket.read(this.buffer.subarray(this.end));
    }
    const count = await this.#count(ahead);
    this.end += count;
    return count > 0;
  }

  /**
   * Reads without the buffer, which must be empty; 0 at the end of the upstream's data.
   * @throws {UpstreamFault}
   */
  readInto(bytes: Bytes): Promise<number> {
    return this.#count(this.#socket.read(bytes));
  }

  /** @throws {UpstreamFault} */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      let written = await this.#socket.write(bytes);
      while (written < bytes.length) written += await this.#socket.write(bytes.subarray(written));
    } catch (error) {
      throw this.#isClosed
        ? new UpstreamFault("closed", "the connection was closed")
        : faultOf(error);
    }
  }

  /** Waits for its next request; any data before that closes it. */
  rest(usableUntil: number): void {
    this.usableUntil = usableUntil;
    this.start = this.end = 0;
    this.#isIdle = true;
    const ahead = this.#ahead = this.#socket.read(this.buffer);
    const end = () => {
      if (this.#isIdle) this.close();
    };
    ahead.then(end, end);
  }

  /** Takes the connection for the next request. */
  wake(): void {
    this.#isIdle = false;
    this.isReused = true;
    this.hasResponded = false;
  }

  /** Closes the connection, whatever its state; idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isIdle = false;
    try {
      this.#socket.close();
    } catch {
      // A failed handshake has closed it.
    }
    this.#onClose(this);
  }

  async #count(reading: Promise<number | null>): Promise<number> {
    try {
      const count = await reading ?? 0;
      if (count > 0) this.hasResponded = true;
      return count;
    } catch (error) {
      // On close, a pending read fails with a platform error.
      if (this.#isClosed) throw new UpstreamFault("closed", "the connection was closed");
      throw faultOf(error);
    }
  }

  #makeRoom(): void {
    if (this.start === this.end) {
      this.start = this.end = 0;
    } else if (this.end === this.buffer.length) {
      const { buffer, start, end } = this;
      if (start === 0) this.buffer = new Uint8Array(2 * buffer.length);
      this.buffer.set(buffer.subarray(start, end));
      this.start = 0;
      this.end = end - start;
    }
  }
}
