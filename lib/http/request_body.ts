import { abortable } from "@std/async";
import { Body, BodyTooLarge } from "../core/body.ts";
import type { Bytes } from "../core/bytes.ts";
import { GatewayError, payloadTooLarge } from "../core/errors.ts";
import { lateUpload } from "./late_upload.ts";
import type { Scope } from "../core/scope.ts";

/** Bodies up to this size are read in one step, which is cheaper (bytes). */
const WHOLE_BYTES = 64 * 1024;

/** Returns the client's body, which is read on demand; undefined if there is none. */
export function requestBody(request: Request): Body | undefined {
  if (request.body === null) return undefined;
  const length = request.headers.get("content-length");
  return Body.from({
    stream: request.body,
    ...(length === null ? {} : { length: Number(length) }),
    // Count in advance only what is read in one step: a client could reserve memory by promises alone.
    ...(Number(length ?? Infinity) <= WHOLE_BYTES ? { whole: () => request.bytes() } : {}),
  });
}

/**
 * Reads the client's body, within the request's deadline.
 * @param limit the maximum size (bytes)
 * @throws {GatewayError} `payload-too-large`; `request-timeout` at the deadline; `cancelled` if
 * the client disconnects; `overloaded` if the budget has no room for the body
 */
export async function readRequestBody(
  body: Body,
  limit: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    await abortable(body.bytes(limit), signal);
  } catch (error) {
    if (signal.aborted) throw lateUpload(signal.reason);
    if (error instanceof BodyTooLarge) throw payloadTooLarge(error.limit);
    if (error instanceof GatewayError) throw error;
    throw new GatewayError("cancelled", "the request body broke off", { cause: error });
  }
}

/** Wraps a stream to fail beyond `limit` bytes, after it calls `onExceed`. */
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

/**
 * Returns the stream once its first bytes have arrived; undefined if it ends without any. A request
 * without a body looks like one whose body has no length.
 */
export async function peek(
  stream: ReadableStream<Bytes>,
  scope: Scope,
): Promise<ReadableStream<Bytes> | undefined> {
  const reader = stream.getReader();
  let begin: Bytes | undefined;
  try {
    do begin = (await abortable(reader.read(), scope.signal)).value; while (begin?.length === 0);
  } catch (error) {
    if (scope.signal.aborted) throw lateUpload(scope.signal.reason);
    throw new GatewayError("cancelled", "the request body broke off", { cause: error });
  }
  if (begin === undefined) return undefined;
  return new ReadableStream({
    start: (controller) => controller.enqueue(begin),
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
