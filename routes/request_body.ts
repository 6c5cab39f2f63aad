import { Body } from "../lib/body.ts";
import { type GatewayError, payloadTooLarge } from "../lib/errors.ts";

/** What a client sends, read only when somebody asks for it; undefined when it sends nothing. */
export function toBody(request: Request): Body | undefined {
  if (request.body === null) return undefined;
  const length = request.headers.get("content-length");
  return Body.from({
    stream: request.body,
    ...(length === null ? {} : { length: Number(length), whole: () => request.bytes() }),
  });
}

/** The same stream, which fails past `limit` bytes; `onExceed` hears of it first. */
export function limitStream(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  limit: number,
  onExceed: (error: GatewayError) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
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
