import type { Transform } from "node:stream";
import type { Coding } from "./codings.ts";
import type { Zlib } from "./zlib.ts";

/** Levels: beyond them, a few per cent of the size cost a multiple of the time. */
const GZIP_LEVEL = 4;
const BROTLI_QUALITY = 4;
const ZSTD_LEVEL = 3;

type Input = Uint8Array<ArrayBuffer>;

/** Encodes bytes in one step. */
export function encodeSync(zlib: Zlib, coding: Coding, bytes: Input): Input {
  // A copy has the exact size; the platform's buffers are larger than what they contain.
  return new Uint8Array(coded());

  function coded(): Uint8Array {
    if (coding === "gzip") return zlib.gzipSync(bytes, { level: GZIP_LEVEL });
    if (coding === "br") return zlib.brotliCompressSync(bytes, brotli(zlib));
    return zlib.zstdCompressSync(bytes, zstd(zlib));
  }
}

/** How an encoder treats the end of a write. */
export type Flush = "each-write" | "end";

/**
 * Opens an encoder for a stream.
 * @param flush `each-write`: whatever was written can be decoded, at the cost of a few bytes
 */
export function openEncoder(zlib: Zlib, coding: Coding, flush: Flush): Transform {
  const { Z_SYNC_FLUSH, BROTLI_OPERATION_FLUSH, ZSTD_e_flush } = zlib.constants;
  const flushed = (operation: number) => flush === "each-write" ? { flush: operation } : {};
  if (coding === "gzip") {
    return zlib.createGzip({ level: GZIP_LEVEL, ...flushed(Z_SYNC_FLUSH) });
  }
  if (coding === "br") {
    return zlib.createBrotliCompress({ ...brotli(zlib), ...flushed(BROTLI_OPERATION_FLUSH) });
  }
  return zlib.createZstdCompress({ ...zstd(zlib), ...flushed(ZSTD_e_flush) });
}

function brotli({ constants }: Zlib) {
  return { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } };
}

function zstd({ constants }: Zlib) {
  return { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } };
}
