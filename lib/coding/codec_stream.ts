import type { Transform } from "node:stream";
import type { Bytes } from "../core/bytes.ts";
import { loadZlib, type Zlib } from "./zlib.ts";

/**
 * Passes a stream through a codec of the platform, reading only on demand.
 * @param open opens the codec, given the first chunk
 * @param pieceBytes the most bytes that it takes at once, before its output is read
 */
export function codecStream(
  stream: ReadableStream<Bytes>,
  open: (zlib: Zlib, first: Bytes) => Transform,
  pieceBytes: number,
): ReadableStream<Bytes> {
  const reader = stream.getReader();
  let codec: Transform | undefined;
  /** What has been read, and not yet been written to the codec. */
  let rest: Bytes = new Uint8Array();
  let hasEnded = false;
  let hasOutput = false;
  let isCancelled = false;
  /** Reads until there is output; whether the stream has ended. */
  const next = async (controller: ReadableStreamDefaultController<Bytes>): Promise<boolean> => {
    hasOutput = false;
    while (!hasOutput && !isCancelled) {
      if (rest.length === 0) {
        const { value, done } = await reader.read();
        rest = value ?? rest;
        hasEnded = done;
        if (value?.length === 0) continue;
      }
      codec ??= open(await loadZlib(), rest)
        .on("data", (chunk: Uint8Array) => {
          hasOutput = true;
          if (!isCancelled) controller.enqueue(new Uint8Array(chunk));
        })
        // The platform reports it after the write that caused it, when the next bytes are awaited:
        // this ends the wait, and `end` throws the error.
        .on("error", (error) => reader.cancel(error).catch(() => {}));
      if (hasEnded) {
        await end(codec);
        return true;
      }
      const piece = rest.subarray(0, pieceBytes);
      rest = rest.subarray(pieceBytes);
      await write(codec, piece);
    }
    return false;
  };
  return new ReadableStream<Bytes>({
    async pull(controller) {
      try {
        if (await next(controller) && !isCancelled) controller.close();
      } catch (error) {
        codec?.destroy();
        await reader.cancel(error).catch(() => {});
        throw error;
      }
    },
    async cancel(reason) {
      isCancelled = true;
      codec?.destroy();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

/** Resolves when the codec has taken the bytes, and put out what it makes of them. */
export function write(codec: Transform, bytes: Bytes): Promise<void> {
  return settled(codec, (done) => codec.write(bytes, done));
}

/** Resolves when the codec has put out everything. */
export function end(codec: Transform): Promise<void> {
  return settled(codec, (done) => codec.once("end", () => done()).end());
}

/** Waits for an operation; a codec that fails or is destroyed does not always complete it. */
function settled(
  codec: Transform,
  start: (done: (error?: Error | null) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null) => {
      codec.off("error", done).off("close", close);
      if (error) reject(error);
      else resolve();
    };
    const close = () => done(codec.errored);
    codec.on("error", done).on("close", close);
    if (codec.destroyed) close();
    else start(done);
  });
}
