import { turns } from "../async/turns.ts";
import { type Bytes, joinBytes } from "../core/bytes.ts";
import { codecStream, end, write } from "./codec_stream.ts";
import type { Coding } from "./codings.ts";
import { encodeSync, openEncoder } from "./encoders.ts";
import { loadZlib } from "./zlib.ts";

/**
 * The platform encodes on the event loop's own thread, also in its asynchronous functions. So longer
 * bodies are encoded in pieces of this size, 1 to 3 ms each, with turns for other requests between.
 */
const PIECE_BYTES = 128 * 1024;

/**
 * Encodes a whole body.
 *
 * @example
 * ```ts
 * const coded = await encode(new TextEncoder().encode("text"), "gzip");
 * ```
 */
export async function encode(bytes: Bytes, coding: Coding): Promise<Bytes> {
  const zlib = await loadZlib();
  if (bytes.length <= PIECE_BYTES) return encodeSync(zlib, coding, bytes);
  const encoder = openEncoder(zlib, coding, "end");
  const coded: Bytes[] = [];
  encoder.on("data", (chunk: Uint8Array) => coded.push(new Uint8Array(chunk)));
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const piece = bytes.subarray(at, at + PIECE_BYTES);
    const turn = turns.take(piece.length);
    if (turn) await turn;
    await write(encoder, piece);
  }
  await end(encoder);
  return joinBytes(coded);
}

/**
 * Encodes a stream, and holds nothing back: the client can decode each chunk when it has arrived.
 * Reads only on demand.
 */
export function encodeStream(
  stream: ReadableStream<Bytes>,
  coding: Coding,
): ReadableStream<Bytes> {
  return codecStream(stream, (zlib) => openEncoder(zlib, coding, "each-write"), PIECE_BYTES);
}
