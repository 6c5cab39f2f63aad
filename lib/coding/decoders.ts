import { Body, BodyTooLarge } from "../core/body.ts";
import { type Bytes, joinBytes } from "../core/bytes.ts";
import { codecStream } from "./codec_stream.ts";
import { loadZlib, type Zlib } from "./zlib.ts";
import { zstdFrames } from "./zstd_frames.ts";

/** A format that can be decoded. */
export type Format = "gzip" | "deflate" | "br" | "zstd";

/** At most a thousand times as much comes out, and a reader with a limit sees it in between (bytes). */
const PIECE_BYTES = 4 * 1024;
/** The platform's own limit for a result. */
const MAX_BYTES = 2 ** 31 - 1;

/**
 * Decodes a whole body.
 * @throws {BodyTooLarge} beyond `limit` bytes
 * @throws if it is malformed or truncated
 */
export function decodeWhole(
  zlib: Zlib,
  format: Format,
  coded: Bytes,
  limit: number,
): Bytes | Promise<Bytes> {
  // The platform's function accepts truncated bodies; its stream does not.
  if (format === "br") {
    return Body.from({ stream: unbrotli(ReadableStream.from([coded])) }).bytes(limit);
  }
  if (format === "zstd") return unzstd(zlib, coded, limit);
  const decode = format === "gzip" ? zlib.gunzipSync : inflaterOf(coded, zlib).inflateSync;
  return bounded(decode, coded, limit);
}

/**
 * Decodes a stream as it is read. A zstd body is read whole first, because the platform's stream does
 * not detect that it is truncated.
 * @param limit the most bytes to read of a zstd body
 */
export function decodedStream(
  stream: ReadableStream<Bytes>,
  format: Format,
  limit: number,
): ReadableStream<Bytes> {
  if (format === "br") return unbrotli(stream);
  if (format === "zstd") return unzstdStream(stream, limit);
  return codecStream(
    stream,
    (zlib, first) =>
      format === "gzip" ? zlib.createGunzip() : inflaterOf(first, zlib).createInflate(),
    PIECE_BYTES,
  );
}

/** The decoder of `deflate`: the zlib format, or without its header, as many servers send it. */
function inflaterOf([method = 0, flags]: Bytes, zlib: Zlib) {
  const isDeflate = (method & 0x0f) === 8;
  const isZlib = isDeflate && (flags === undefined || (method * 256 + flags) % 31 === 0);
  return isZlib
    ? { inflateSync: zlib.inflateSync, createInflate: zlib.createInflate }
    : { inflateSync: zlib.inflateRawSync, createInflate: zlib.createInflateRaw };
}

function unbrotli(stream: ReadableStream<Bytes>): ReadableStream<Bytes> {
  return stream.pipeThrough(new DecompressionStream("brotli"));
}

function unzstdStream(stream: ReadableStream<Bytes>, limit: number): ReadableStream<Bytes> {
  const body = Body.from({ stream });
  return new ReadableStream<Bytes>({
    async pull(controller) {
      const [zlib, coded] = await Promise.all([loadZlib(), body.bytes(limit)]);
      const decoded = unzstd(zlib, coded, limit);
      if (decoded.length > 0) controller.enqueue(decoded);
      controller.close();
    },
    cancel: () => body.cancel(),
  }, { highWaterMark: 0 });
}

/** Decodes frame by frame: the platform decodes only the first, and accepts a truncated one. */
function unzstd(zlib: Zlib, coded: Bytes, limit: number): Bytes {
  const parts: Bytes[] = [];
  let left = limit;
  for (const { bytes, contentSize } of zstdFrames(coded)) {
    if ((contentSize ?? 0) > left) throw new BodyTooLarge(limit);
    const part = bounded(zlib.zstdDecompressSync, bytes, left);
    if (contentSize !== undefined && part.length !== contentSize) {
      throw new TypeError("a zstd frame decodes to another size than it states");
    }
    left -= part.length;
    parts.push(part);
  }
  return joinBytes(parts);
}

function bounded(
  decode: (coded: Bytes, options: { maxOutputLength: number }) => Uint8Array,
  coded: Bytes,
  limit: number,
): Bytes {
  let decoded: Uint8Array;
  try {
    // At least 1: the platform has no limit of 0.
    const maxOutputLength = Math.max(1, Math.min(limit, MAX_BYTES));
    decoded = decode(coded, { maxOutputLength });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new BodyTooLarge(limit);
  }
  if (decoded.length > limit) throw new BodyTooLarge(limit);
  return new Uint8Array(decoded);
}
