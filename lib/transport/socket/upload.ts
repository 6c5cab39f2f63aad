import { type Bytes, joinBytes } from "../../core/bytes.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Connection } from "./connection.ts";
import { encodeHead, headLength, type RequestHead } from "./request_head.ts";

const ENCODER = new TextEncoder();
const CRLF = ENCODER.encode("\r\n");
const LAST_CHUNK = ENCODER.encode("0\r\n\r\n");

/** The body of a request. */
export interface UploadBody {
  readonly content: Bytes | ReadableStream<Bytes>;
  /** The length of a stream, if known (bytes); without it, it is sent in chunks. */
  readonly length: number | undefined;
}

/** Is told when the body of the client fails. */
export interface UploadOwner {
  /** A partly sent request can only be aborted. */
  fail(error: unknown): void;
}

/**
 * A body that is sent step by step, while the response may already arrive. A failure of the
 * connection ends it silently: the reason shows when the response is read.
 */
export class Upload {
  /** Whether it is sent completely. */
  isDone = false;
  readonly #connection: Connection;
  readonly #owner: UploadOwner;
  #reader: ReadableStreamDefaultReader<Bytes> | undefined;

  constructor(connection: Connection, owner: UploadOwner) {
    this.#connection = connection;
    this.#owner = owner;
  }

  /** Sends a head and a body. */
  async send(
    head: RequestHead,
    content: Bytes | ReadableStream<Bytes>,
    length?: number,
  ): Promise<void> {
    const bytes = new Uint8Array(headLength(head));
    encodeHead(head, bytes);
    if (content instanceof ReadableStream) {
      const reader = this.#reader = content.getReader();
      this.isDone = await this.#connection.write(bytes) && await this.#stream(reader, length);
    } else {
      this.isDone = await this.#connection.write(bytes) && await this.#connection.write(content);
    }
    if (!this.isDone) this.cancel();
  }

  /** Releases what was not sent. */
  cancel(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.cancel().catch(() => {});
  }

  async #stream(
    reader: ReadableStreamDefaultReader<Bytes>,
    length: number | undefined,
  ): Promise<boolean> {
    let sent = 0;
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        const chunk = next.value;
        sent += chunk.length;
        if (length !== undefined && sent > length) break;
        if (chunk.length === 0) continue;
        if (!await this.#connection.write(length === undefined ? chunked(chunk) : chunk)) {
          return false;
        }
      }
      if (length === undefined) return await this.#connection.write(LAST_CHUNK);
      if (sent !== length) throw new Error(`${sent} bytes came of a body of ${length}`);
      return true;
    } catch (error) {
      this.#owner.fail(
        error instanceof GatewayError
          ? error
          : new GatewayError("cancelled", "the request body broke off", { cause: error }),
      );
      return false;
    }
  }
}

function chunked(chunk: Bytes): Bytes {
  return joinBytes([ENCODER.encode(`${chunk.length.toString(16)}\r\n`), chunk, CRLF]);
}
