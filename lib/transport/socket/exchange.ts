import { Body } from "../../core/body.ts";
import type { Bytes } from "../../core/bytes.ts";
import type { Reply } from "../../core/source.ts";
import { UpstreamFault } from "../../core/upstream_fault.ts";
import { ChunkedFraming } from "./chunked_framing.ts";
import type { Connection } from "./connection.ts";
import { PlainFraming } from "./plain_framing.ts";
import { ReceivedBody } from "./received_body.ts";
import {
  findHeadEnd,
  MAX_HEAD_BYTES,
  parseResponseHead,
  type ResponseHead,
} from "./response_head.ts";
import { Upload, type UploadBody } from "./upload.ts";

/** A request to send. */
export interface Sent {
  readonly method: string;
  readonly head: Bytes;
  readonly body: UploadBody | undefined;
  /** Aborts the exchange at any point. */
  readonly signal: AbortSignal;
}

/**
 * Sends one request over a connection, and reads the response; its body is read on demand.
 * @param putBack receives the connection if it can be reused; otherwise it is closed
 * @throws {UpstreamFault} if there is no response; the error of the client's body; the signal's
 * reason
 */
export async function exchange(
  connection: Connection,
  { method, head, body, signal }: Sent,
  putBack: (connection: Connection, idleMs: number) => void,
): Promise<Reply> {
  const abort = () => connection.close();
  signal.addEventListener("abort", abort, { once: true });
  const upload = new Upload(connection, head, body);
  try {
    const response = await readHead(connection, method);
    return replyOf(response, connection, (isExact) => {
      signal.removeEventListener("abort", abort);
      // The upstream would read the rest of this request as the next one.
      const isGood = isExact && upload.isDone && connection.start === connection.end;
      if (isGood) putBack(connection, response.idleMs);
      else connection.close();
      if (!upload.isDone) upload.cancel();
    });
  } catch (error) {
    signal.removeEventListener("abort", abort);
    connection.close();
    upload.cancel();
    signal.throwIfAborted();
    throw upload.failure ?? error;
  }
}

/** Reads the head of the final response, skipping interim ones (RFC 9110 section 15.2). */
async function readHead(connection: Connection, method: string): Promise<ResponseHead> {
  let size = 0;
  while (true) {
    const bytes = await headBytes(connection);
    const head = parseResponseHead(bytes, method);
    if (head.status >= 200) return head;
    size += bytes.length;
    if (size > MAX_HEAD_BYTES) {
      throw new UpstreamFault("head-too-large", "the response has too many interim responses");
    }
  }
}

async function headBytes(connection: Connection): Promise<Bytes> {
  let searched = 0;
  while (true) {
    const { buffer, start, end } = connection;
    const headEnd = findHeadEnd(buffer, start, start + searched, end);
    if (headEnd > 0) {
      connection.start = headEnd;
      return buffer.subarray(start, headEnd);
    }
    searched = end - start;
    if (await connection.fill()) continue;
    throw new UpstreamFault("closed", "the connection ended before a response had come");
  }
}

function replyOf(
  { status, headers, bodyEnd }: ResponseHead,
  connection: Connection,
  onEnd: (isExact: boolean) => void,
): Reply {
  const framing = bodyEnd === "chunked"
    ? new ChunkedFraming()
    : new PlainFraming(bodyEnd === "close" ? Infinity : bodyEnd);
  const body = new ReceivedBody(connection, framing, onEnd);
  const whole = body.takeWhole();
  if (whole) return { status, headers, body: Body.of(whole) };
  if (typeof bodyEnd !== "number") {
    return { status, headers, body: Body.from({ stream: body.stream }) };
  }
  const origin = {
    get stream() {
      return body.stream;
    },
    length: bodyEnd,
    whole: body.whole,
  };
  return { status, headers, body: Body.from(origin) };
}
