import type { Bytes } from "../../core/bytes.ts";
import { joinBytes } from "../../core/bytes.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Connection } from "./connection.ts";

/** A head and its body up to this size are sent together. */
const JOINED_BYTES = 64 * 1024;
const ENCODER = new TextEncoder();
const CRLF = ENCODER.encode("\r\n");
const LAST_CHUNK = ENCODER.encode("0\r\n\r\n");

/** The body of a request. */
export interface UploadBody {
  readonly content: Bytes | ReadableStream<Bytes>;
  /** The length of a stream, if known (bytes); without it, it is sent in chunks. */
  readonly length: number | undefined;
}

/** A request that is being sent, while the response may already arrive. */
export class Upload {
  /** Whether it is sent completely. */
  isDone = false;
  /** The error of the client's body; undefined if it was read, or the upload was cancelled. */
  failure: unknown;
  readonly #connection: Connection;
  #reader: ReadableStreamDefaultReader<Bytes> | undefined;

  /** Starts to send; a connection failure surfaces when the response is read. */
  constructor(connection: Connection, head: Bytes, body: UploadBody | undefined) {
    this.#connection = connection;
    this.#send(head, body).then(() => this.isDone = true, () => this.cancel());
  }

  /** Releases what was not sent. */
  cancel(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.cancel().catch(() => {});
  }

  async #send(head: Bytes, body: UploadBody | undefined): Promise<void> {
    const { content } = body ?? {};
    if (content instanceof ReadableStream) {
      this.#reader = content.getReader();
      await this.#connection.write(head);
      await this.#stream(this.#reader, body?.length);
    } else if (content && content.length <= JOINED_BYTES) {
      await this.#connection.write(joinBytes([head, content]));
    } else {
      await this.#connection.write(head);
      if (content) await this.#connection.write(content);
    }
  }

  async #stream(
    reader: ReadableStreamDefaultReader<Bytes>,
    length: number | undefined,
  ): Promise<void> {
    let sent = 0;
    for (let chunk = await this.#read(reader); chunk; chunk = await this.#read(reader)) {
      sent += chunk.length;
      if (length !== undefined && sent > length) break;
      if (chunk.length > 0) {
        await this.#connection.write(length === undefined ? chunked(chunk) : chunk);
      }
    }
    if (length === undefined) await this.#connection.write(LAST_CHUNK);
    else if (sent !== length) this.#fail(new Error(`${sent} bytes came of a body of ${length}`));
  }

  async #read(reader: ReadableStreamDefaultReader<Bytes>): Promise<Bytes | undefined> {
    try {
      return (await reader.read()).value;
    } catch (error) {
      return this.#fail(error);
    }
  }

  /** A partly sent request can only be aborted. */
  #fail(cause: unknown): never {
    this.failure = cause instanceof GatewayError
      ? cause
      : new GatewayError("cancelled", "the request body broke off", { cause });
    this.#connection.close();
    throw this.failure;
  }
}

function chunked(chunk: Bytes): Bytes {
  return joinBytes([ENCODER.encode(`${chunk.length.toString(16)}\r\n`), chunk, CRLF]);
}
