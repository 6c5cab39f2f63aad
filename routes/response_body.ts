import type { Body } from "../lib/core/body.ts";
import type { Bytes } from "../lib/core/bytes.ts";
import type { ResponseCoder } from "../lib/coding/response_coder.ts";
import type { Reply } from "../lib/core/source.ts";
import { ChunkPieces, PIECE_BYTES, type Pieces, StreamPieces } from "../lib/http/pieces.ts";
import type { ResponseSender } from "../lib/http/response_sender.ts";
import type { Exchange } from "../middleware/exchange.ts";

/**
 * Returns the body of a reply in the coding that the client accepts, and sets the headers that
 * describe it; null for HEAD if the length is not known. The responses in a batch are not coded.
 * @param coder absent where the gateway does not compress
 */
export function codedBody(
  c: Exchange,
  { status, headers, body, cached }: Reply,
  coder: ResponseCoder | undefined,
): Body | null | Promise<Body> {
  if (coder === undefined || c.env.batch) return body;
  const isStored = cached !== undefined && (cached.isHit || (cached.freshMs ?? 0) > 0);
  return coder.code(c, { status, headers, body, isStored });
}

/**
 * Turns a Body into the body of a Response. A large body, or one of unknown length, is sent in
 * pieces: it counts in the request's buffers until the client has read it, and is ended when the
 * client stops reading. For HEAD and in a batch the body is read within the gateway.
 * @param headers the response's; `content-length` is set when a body sent in pieces is whole
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
  if (isSmall || c.env.batch || c.method === "HEAD") return body.handOn();
  if (isWhole) {
    c.ctx.buffers?.hold(body);
    headers.set("content-length", String(length));
    return inPieces(c, new ChunkPieces(body.chunks), sender);
  }
  const passed = body.handOn();
  return passed instanceof ReadableStream ? responseStream(c, passed, sender) : passed;
}

/** Sends a stream in pieces. */
export function responseStream(
  c: Exchange,
  stream: ReadableStream<Bytes>,
  sender: ResponseSender,
): ReadableStream<Bytes> {
  return inPieces(c, new StreamPieces(stream), sender);
}

function inPieces(c: Exchange, pieces: Pieces, sender: ResponseSender): ReadableStream<Bytes> {
  const { stream, ended } = sender.send(pieces);
  c.sending = ended;
  return stream;
}
