import type { Bytes } from "../../core/bytes.ts";
import { joinBytes } from "../../core/bytes.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Connection } from "./connection.ts";

/** Up to here a head and its body are sent as one. */
const JOINED_BYTES = 64 * 1024;
const ENCODER = new TextEncoder();
const CRLF = ENCODER.encode("\r\n");
const LAST_CHUNK = ENCODER.encode("0\r\n\r\n");

/** What is sent after a head. */
export interface UploadBody {
  readonly content: Bytes | ReadableStream<Bytes>;
  /** Of a stream that says it (bytes); without, it is sent in chunks. */
  readonly length: number | undefined;
}

/** A request on its way out, beside which the response may come already. */
export class Upload {
  /** Whether all of it was sent. */
  isDone = false;
  /** Why the client's body could not be read; undefined when it could, or nobody cares any more. */
  failure: unknown;
  readonly #connection: Connection;
  #reader: ReadableStreamDefaultReader<Bytes> | undefined;

  /** Begins to send; a connection that fails tells so to whoever reads the response. */
  constructor(connection: Connection, head: Bytes, body: UploadBody | undefined) {
    this.#connection = connection;
    this.#send(head, body).then(() => this.isDone = true, () => this.cancel());
  }

  /** Lets go of what was not sent. */
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

  /** What is half sent can only be broken off. */
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
