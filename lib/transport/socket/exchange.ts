import { Body } from "../../core/body.ts";
import { Dependent } from "../../core/scope.ts";
import type { Reply } from "../../core/source.ts";
import { upstreamFailure, UpstreamFault } from "../../core/upstream_fault.ts";
import { ChunkedFraming } from "./chunked_framing.ts";
import type { Connection, ConnectionReader } from "./connection.ts";
import { PlainFraming } from "./plain_framing.ts";
import type { Pool } from "./pool.ts";
import { ReceivedBody } from "./received_body.ts";
import type { RequestHead } from "./request_head.ts";
import {
  findHeadEnd,
  MAX_HEAD_BYTES,
  parseResponseHead,
  type ResponseHead,
} from "./response_head.ts";
import { Upload, type UploadBody } from "./upload.ts";

/** A request to send. */
export interface SentRequest {
  readonly method: string;
  /** Whether it can be repeated. */
  readonly isSafe: boolean;
  readonly head: RequestHead;
  readonly body: UploadBody | undefined;
}

/** A head and its body up to this size are sent together. */
const JOINED_BYTES = 64 * 1024;

/**
 * One request and its response: the one object that a call needs while it waits. Its connection
 * calls it back.
 *
 * An upstream may close an idle connection just as a request is sent. Such a request is resent over
 * a new connection only if no byte of a response arrived and its method is safe, because the
 * upstream may have processed it.
 */
export class Exchange extends Dependent implements ConnectionReader {
  readonly #outcome = Promise.withResolvers<Reply>();
  readonly #request: SentRequest;
  readonly #pool: Pool;
  readonly #signal: AbortSignal;
  #connection: Connection | undefined;
  #upload: Upload | undefined;
  /** Bytes of an incomplete head in which its end was not found. */
  #searched = 0;
  /** Bytes of interim responses. */
  #interim = 0;
  /** How long the response lets the connection be idle (ms). */
  #idleMs = 0;
  #hasBegun = false;

  /** Sends the request. */
  constructor(request: SentRequest, pool: Pool, signal: AbortSignal) {
    super();
    this.#request = request;
    this.#pool = pool;
    this.#signal = signal;
    this.follow(signal);
    const idle = pool.take();
    if (idle) this.#send(idle);
    else this.#connect();
  }

  /**
   * The response; its body is read on demand. It rejects with a GatewayError, the error of the
   * client's body, or the signal's reason.
   */
  get reply(): Promise<Reply> {
    return this.#outcome.promise;
  }

  /** Aborts it at any point, until the body was read. While it connects, that fails. */
  followedAborted(reason: unknown): void {
    if (this.#connection) this.fail(reason);
  }

  onBytes(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    try {
      const head = this.#takeHead(connection);
      if (head === undefined) connection.read();
      else this.#respond(head, connection);
    } catch (error) {
      this.fail(error);
    }
  }

  onEnd(fault = new UpstreamFault("closed", "the connection ended before a response came")): void {
    if (this.#mayResend(fault)) {
      this.#discard();
      this.#connect();
    } else {
      this.fail(fault);
    }
  }

  /** Fails the call, or the body if the response has begun. */
  fail(error: unknown): void {
    // The body is the connection's reader now.
    if (this.#hasBegun) return this.#connection?.close();
    this.#hasBegun = true;
    this.end(false);
    this.#outcome.reject(error instanceof UpstreamFault ? upstreamFailure(error) : error);
  }

  /**
   * Lets go of the connection.
   * @param isExact whether the body was read to its end, so that the next response can follow
   */
  end(isExact: boolean): void {
    this.unfollow();
    const connection = this.#connection;
    // The upstream would read the rest of this request as the next one.
    const isSent = connection?.isSent && (this.#upload?.isDone ?? true);
    if (connection && isExact && isSent && connection.isDrained) {
      this.#connection = undefined;
      this.#pool.putBack(connection, this.#idleMs);
    } else {
      this.#discard();
    }
  }

  #connect(): void {
    this.#pool.open(this.#signal).then(
      (connection) => this.#hasBegun ? connection.close() : this.#send(connection),
      (error) => this.fail(error),
    );
  }

  #send(connection: Connection): void {
    this.#connection = connection;
    connection.readBy(this);
    const { head, body } = this.#request;
    const { content } = body ?? {};
    if (content instanceof ReadableStream || (content && content.length > JOINED_BYTES)) {
      this.#upload = new Upload(connection, this);
      this.#upload.send(head, content, body?.length);
    } else {
      connection.send(head, content);
    }
    connection.read();
  }

  #mayResend({ reason }: UpstreamFault): boolean {
    const connection = this.#connection;
    const { isSafe, body } = this.#request;
    const isLost = reason === "closed" || reason === "reset";
    return isLost && connection !== undefined && connection.isReused &&
      !connection.hasResponded && isSafe && !(body?.content instanceof ReadableStream);
  }

  /** Takes the head of the final response, skipping interim ones (RFC 9110 section 15.2). */
  #takeHead(connection: Connection): ResponseHead | undefined {
    while (true) {
      const { buffer, start, end } = connection;
      const headEnd = findHeadEnd(buffer, start, start + this.#searched, end);
      if (headEnd < 0) {
        this.#searched = end - start;
        return undefined;
      }
      this.#searched = 0;
      connection.start = headEnd;
      const head = parseResponseHead(buffer.subarray(start, headEnd), this.#request.method);
      if (head.status >= 200) return head;
      this.#interim += headEnd - start;
      if (this.#interim > MAX_HEAD_BYTES) {
        throw new UpstreamFault("head-too-large", "the response has too many interim responses");
      }
    }
  }

  #respond({ status, headers, bodyEnd, idleMs }: ResponseHead, connection: Connection): void {
    this.#idleMs = idleMs;
    const framing = bodyEnd === "chunked"
      ? new ChunkedFraming()
      : new PlainFraming(bodyEnd === "close" ? Infinity : bodyEnd);
    const begun = framing.take(connection);
    this.#hasBegun = true;
    let body: Body;
    if (framing.isDone) {
      this.end(true);
      body = Body.of(begun);
    } else {
      const length = typeof bodyEnd === "number" ? bodyEnd : undefined;
      body = Body.from(new ReceivedBody(connection, framing, this, begun, length));
    }
    this.#outcome.resolve({ status, headers, body });
  }

  /** Closes the connection, and releases what was not sent. */
  #discard(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.readBy(undefined);
    connection?.close();
    const { content } = this.#request.body ?? {};
    if (this.#upload) this.#upload.cancel();
    else if (content instanceof ReadableStream) content.cancel().catch(() => {});
  }
}
