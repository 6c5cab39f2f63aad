import type { Bytes } from "../core/bytes.ts";

/** Bodies up to this size are sent in one piece, longer ones in pieces of this size (bytes). */
export const PIECE_BYTES: number = 128 * 1024;

/** A body in pieces, each a copy: a view would retain the whole buffer. */
export interface Pieces {
  /** Returns the next piece, and whether it is known to be the last; undefined at the end. */
  next(): Promise<Piece | undefined> | Piece | undefined;
  cancel(reason: unknown): Promise<void>;
}

/** One piece of a body. */
export interface Piece {
  readonly bytes: Bytes;
  readonly isLast: boolean;
}

/** Splits a complete body. */
export class ChunkPieces implements Pieces {
  #chunks: readonly Bytes[];
  #rest: number;
  #index = 0;
  #offset = 0;

  constructor(chunks: readonly Bytes[]) {
    this.#chunks = chunks;
    this.#rest = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  next(): Piece | undefined {
    if (this.#rest === 0) return undefined;
    const bytes = new Uint8Array(Math.min(PIECE_BYTES, this.#rest));
    let filled = 0;
    while (filled < bytes.length) {
      const chunk = this.#chunks[this.#index];
      if (chunk === undefined) break;
      const taken = chunk.subarray(this.#offset, this.#offset + bytes.length - filled);
      bytes.set(taken, filled);
      filled += taken.length;
      this.#offset += taken.length;
      if (this.#offset < chunk.length) break;
      this.#index++;
      this.#offset = 0;
    }
    this.#rest -= filled;
    return { bytes, isLast: this.#rest === 0 };
  }

  cancel(): Promise<void> {
    this.#chunks = [];
    this.#rest = 0;
    return Promise.resolve();
  }
}

/** Splits a body that is still arriving: into its chunks, unless they are larger. */
export class StreamPieces implements Pieces {
  readonly #reader: ReadableStreamDefaultReader<Bytes>;
  #rest: Bytes | undefined;

  constructor(stream: ReadableStream<Bytes>) {
    this.#reader = stream.getReader();
  }

  async next(): Promise<Piece | undefined> {
    while (!this.#rest?.length) {
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#rest = value;
    }
    const chunk = this.#rest;
    const isPart = chunk.length > PIECE_BYTES || chunk.buffer.byteLength > 2 * PIECE_BYTES;
    const bytes = isPart ? chunk.slice(0, PIECE_BYTES) : chunk;
    this.#rest = chunk.subarray(bytes.length);
    return { bytes, isLast: false };
  }

  async cancel(reason: unknown): Promise<void> {
    this.#rest = undefined;
    await this.#reader.cancel(reason);
  }
}
