import type { Bytes } from "../core/bytes.ts";

/** One frame of a zstd body. */
export interface ZstdFrame {
  readonly bytes: Bytes;
  /** The size of its content, if it states one. */
  readonly contentSize: number | undefined;
}

const MAGIC = 0xfd2fb528;
/** Frames of other data, to skip: sixteen magic numbers from this one. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const BLOCK_HEAD_BYTES = 3;
const RLE = 1;
const RESERVED = 3;

/**
 * Splits a zstd body into its frames (RFC 8878 section 3.1), by the lengths in their headers alone.
 * @throws {TypeError} if a frame is truncated or malformed, or other bytes follow
 */
export function* zstdFrames(body: Bytes): Generator<ZstdFrame, void, void> {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  for (let start = 0; start < body.length;) {
    try {
      const magic = view.getUint32(start, true);
      if ((magic & ~0xf) === SKIPPABLE_MAGIC) {
        start += 8 + view.getUint32(start + 4, true);
        if (start > body.length) throw new RangeError("truncated");
        continue;
      }
      if (magic !== MAGIC) throw new RangeError("no frame");
      const { end, contentSize } = frameAt(view, start);
      yield { bytes: body.subarray(start, end), contentSize };
      start = end;
    } catch (error) {
      // A DataView throws it for every read beyond the end.
      if (error instanceof RangeError) throw new TypeError("the zstd body is malformed");
      throw error;
    }
  }
}

function frameAt(view: DataView, start: number): { end: number; contentSize: number | undefined } {
  const descriptor = view.getUint8(start + 4);
  const isSingle = (descriptor & 0x20) !== 0;
  const hasChecksum = (descriptor & 0x04) !== 0;
  const windowBytes = isSingle ? 0 : 1;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 0x03] ?? 0;
  const sizeAt = start + 5 + windowBytes + dictionaryBytes;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][sizeFlag] ?? 0;
  const contentSize = readSize(view, sizeAt, sizeBytes);
  let at = sizeAt + sizeBytes;
  for (let isLast = false; !isLast;) {
    const head = view.getUint16(at, true) + view.getUint8(at + 2) * 0x10000;
    isLast = (head & 1) === 1;
    const type = (head >> 1) & 3;
    if (type === RESERVED) throw new RangeError("reserved block type");
    at += BLOCK_HEAD_BYTES + (type === RLE ? 1 : head >> 3);
  }
  const end = at + (hasChecksum ? 4 : 0);
  if (end > view.byteLength) throw new RangeError("truncated");
  return { end, contentSize };
}

function readSize(view: DataView, at: number, bytes: number): number | undefined {
  if (bytes === 1) return view.getUint8(at);
  if (bytes === 2) return view.getUint16(at, true) + 256;
  if (bytes === 4) return view.getUint32(at, true);
  return bytes === 8 ? Number(view.getBigUint64(at, true)) : undefined;
}
