import { abortable } from "@std/async";
import { Body, BodyTooLarge } from "./body.ts";
import type { Bytes } from "./bytes.ts";
import { GatewayError, payloadTooLarge } from "./errors.ts";

/** What a client sends, read only when somebody asks for it; undefined when it sends nothing. */
export function requestBody(request: Request): Body | undefined {
  if (request.body === null) return undefined;
  const length = request.headers.get("content-length");
  return Body.from({
    stream: request.body,
    ...(length === null ? {} : { length: Number(length), whole: () => request.bytes() }),
  });
}

/**
 * Reads what a client sends, for no longer than the request may take.
 * @param read how: `bytes` or `json` of the body
 * @throws {GatewayError} `payload-too-large`; `bad-request` when it breaks off, or is not JSON
 */
export async function readRequestBody<T>(read: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await abortable(read, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof BodyTooLarge) throw payloadTooLarge(error.limit);
    throw new GatewayError("bad-request", "the request body cannot be read, or is not JSON", {
      cause: error,
    });
  }
}

/** The same stream, which fails past `limit` bytes; `onExceed` hears of it first. */
export function limitStream(
  stream: ReadableStream<Bytes>,
  limit: number,
  onExceed: (error: GatewayError) => void,
): ReadableStream<Bytes> {
  let size = 0;
  return stream.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        size += chunk.length;
        if (size <= limit) return controller.enqueue(chunk);
        const error = payloadTooLarge(limit);
        onExceed(error);
        controller.error(error);
      },
    }),
  );
}
