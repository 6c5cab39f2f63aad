import type { Bytes } from "../../core/bytes.ts";
import { UpstreamFault } from "../../core/upstream_fault.ts";
import { faultOf } from "../fault_of.ts";
import { encodeHead, headLength, type RequestHead } from "./request_head.ts";

/** Size of a read; the buffer grows for larger heads. */
const BUFFER_BYTES = 16 * 1024;
/** Size of the buffer for what is sent; larger requests get their own. */
const SENT_BYTES = 1024;

/** Receives what a connection reads. */
export interface ConnectionReader {
  /** Bytes have arrived: in the connection's buffer, or where they were asked for. */
  onBytes(count: number): void;
  /** No more will arrive. Without a fault, the upstream ended its data. */
  onEnd(fault?: UpstreamFault): void;
}

/**
 * A connection to an upstream with its read buffer: the bytes from `start` to `end` have arrived
 * and are not yet consumed.
 *
 * It reads when its reader asks for more, so that backpressure is preserved, and calls the reader
 * back: nothing is created per call but the read itself. While idle, a read is pending, so that an
 * upstream's close is noticed before the next request is sent; for that request, it is the first
 * read of the response.
 */
export class Connection {
  buffer: Bytes = new Uint8Array(BUFFER_BYTES);
  start = 0;
  end = 0;
  readonly #sent: Bytes = new Uint8Array(SENT_BYTES);
  /** Whether it has served a request before. */
  isReused = false;
  /** Whether a byte has arrived since the request was sent. */
  hasResponded = false;
  /** Until when it may be reused (performance.now). */
  usableUntil = Infinity;
  readonly #socket: Deno.Conn;
  readonly #onClose: (connection: Connection) => void;
  /** Undefined while it is idle. */
  #reader: ConnectionReader | undefined;
  #isReading = false;
  /** Where the pending read writes, if not into the buffer. */
  #target: Bytes | undefined;
  /** Writes that have not succeeded. */
  #unsent = 0;
  /** What `send` has not written yet. */
  #sending: Bytes | undefined;
  #isClosed = false;

  constructor(socket: Deno.Conn, onClose: (connection: Connection) => void) {
    this.#socket = socket;
    this.#onClose = onClose;
  }

  /** Whether the buffer is empty. */
  get isDrained(): boolean {
    return this.start === this.end;
  }

  /** Whether all writes have succeeded. */
  get isSent(): boolean {
    return this.#unsent === 0;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Hands what arrives from now on to a reader; undefined if nobody needs it any more. */
  readBy(reader: ConnectionReader | undefined): void {
    this.#reader = reader;
  }

  /** Reads into the buffer, unless a read is pending. */
  read(): void {
    if (this.#isReading) return;
    this.#makeRoom();
    this.#startRead(this.end === 0 ? this.buffer : this.buffer.subarray(this.end));
  }

  /** Reads into `bytes` instead of the buffer, which must be empty. */
  readInto(bytes: Bytes): void {
    this.#target = bytes;
    this.#startRead(bytes);
  }

  /** Writes a request's head, and its body if it is small, without waiting. */
  send(head: RequestHead, body?: Bytes): void {
    const start = headLength(head);
    const length = start + (body?.length ?? 0);
    // A connection is not reused while something is being written.
    const bytes = length <= SENT_BYTES ? this.#sent : new Uint8Array(length);
    encodeHead(head, bytes);
    if (body) bytes.set(body, start);
    this.#unsent++;
    this.#sending = bytes.subarray(0, length);
    this.#socket.write(this.#sending).then(this.#onWritten, ignore);
  }

  /** Writes bytes; false if it fails. Why it fails shows when the response is read. */
  async write(bytes: Bytes): Promise<boolean> {
    this.#unsent++;
    try {
      let written = await this.#socket.write(bytes);
      while (written < bytes.length) written += await this.#socket.write(bytes.subarray(written));
    } catch {
      return false;
    }
    this.#unsent--;
    return true;
  }

  /** Waits for its next request; any data before that closes it. */
  rest(usableUntil: number): void {
    this.usableUntil = usableUntil;
    this.#reader = undefined;
    this.read();
  }

  /** Takes the connection for the next request. */
  wake(): void {
    this.isReused = true;
    this.hasResponded = false;
  }

  /** Closes the connection, whatever its state; idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.#socket.close();
    } catch {
      // A failed handshake has closed it.
    }
    this.#onClose(this);
    this.#reader?.onEnd(closed());
  }

  #startRead(bytes: Bytes): void {
    if (this.#isClosed) return this.#reader?.onEnd(closed());
    this.#isReading = true;
    this.#socket.read(bytes).then(this.#onRead, this.#onFailure);
  }

  readonly #onRead = (count: number | null): void => {
    this.#isReading = false;
    if (this.#isClosed) return;
    if (count !== null) {
      if (this.#target === undefined) this.end += count;
      this.#target = undefined;
      this.hasResponded = true;
    }
    if (this.#reader === undefined) this.close();
    else if (count === null) this.#reader.onEnd();
    else this.#reader.onBytes(count);
  };

  readonly #onFailure = (error: unknown): void => {
    this.#isReading = false;
    if (this.#isClosed) return; // closing it fails a pending read
    if (this.#reader === undefined) this.close();
    else this.#reader.onEnd(faultOf(error));
  };

  readonly #onWritten = (count: number): void => {
    const { length = 0 } = this.#sending ?? {};
    this.#sending = count < length ? this.#sending?.subarray(count) : undefined;
    if (this.#sending) this.#socket.write(this.#sending).then(this.#onWritten, ignore);
    else this.#unsent--;
  };

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

function closed(): UpstreamFault {
  return new UpstreamFault("closed", "the connection was closed");
}

/** Why a write fails shows when the response is read. */
function ignore(): void {}
