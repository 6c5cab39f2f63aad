import type { Body } from "../lib/core/body.ts";
import type { Bytes } from "../lib/core/bytes.ts";
import { ChunkPieces, PIECE_BYTES, type Pieces, StreamPieces } from "../lib/http/pieces.ts";
import type { ResponseSender } from "../lib/http/response_sender.ts";
import type { Exchange } from "../middleware/env.ts";

/**
 * A body as the Response of a request takes it. One that is large, or does not say how large it is,
 * is sent in pieces: it counts in the request's buffers until it was read, and is ended when it is
 * not. One that is to be measured (HEAD) or is part of a batch is read within the gateway.
 * @param headers the response's: they say the length of a body that is whole
 * @throws {GatewayError} `overloaded`
 */
export function responseBody(
  c: Exchange,
  body: Body,
  headers: Headers,
  sender: ResponseSender,
): Bytes | ReadableStream<Bytes> {
  const { length, isWhole } = body;
  const isSmall = length !== undefined && length <= PIECE_BYTES;
  if (isSmall || c.env.batch || c.req.raw.method === "HEAD") return body.handOn();
  if (isWhole) {
    c.get("ctx").buffers?.hold(body);
    headers.set("content-length", String(length));
    return inPieces(c, new ChunkPieces(body.chunks), sender);
  }
  const passed = body.handOn();
  return passed instanceof ReadableStream ? responseStream(c, passed, sender) : passed;
}

/** The same for a stream. */
export function responseStream(
  c: Exchange,
  stream: ReadableStream<Bytes>,
  sender: ResponseSender,
): ReadableStream<Bytes> {
  return inPieces(c, new StreamPieces(stream), sender);
}

function inPieces(c: Exchange, pieces: Pieces, sender: ResponseSender): ReadableStream<Bytes> {
  const { stream, ended } = sender.send(pieces);
  c.set("sending", ended);
  return stream;
}
