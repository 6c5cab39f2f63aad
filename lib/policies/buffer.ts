import { abortable } from "@std/async";
import { type Body, BodyTooLarge } from "../core/body.ts";
import { GatewayError } from "../core/errors.ts";
import { decodedBody } from "../http/content_coding.ts";
import { copyHeaders } from "../http/copy_headers.ts";
import type { Policy, Reply } from "../core/source.ts";

/** What a buffered reply may hold. */
export interface BufferOptions {
  /** The largest body that is taken (bytes, after decoding). */
  readonly maxBytes: number;
}

/**
 * Waits for the whole body and takes its content codings off, so that what is outside (a timeout, a
 * retry) covers it too.
 * It rejects with `upstream-invalid` when the body is larger, breaks off or cannot be decoded.
 * It rejects with `overloaded` when all buffered bodies would take more memory than they may.
 */
export function buffer({ maxBytes }: BufferOptions): Policy {
  return (next) =>
    async function buffer(call, ctx) {
      const coded = await next(call, ctx);
      const reply = coded.headers.has("content-encoding") ? await decoded(coded) : coded;
      const { body } = reply;
      try {
        ctx.buffers?.hold(body);
        if (body.isWhole && (body.length ?? 0) <= maxBytes) return reply;
        await abortable(body.bytes(maxBytes), ctx.signal);
      } catch (error) {
        await body.cancel();
        ctx.signal.throwIfAborted();
        if (error instanceof GatewayError) throw error;
        const detail = error instanceof BodyTooLarge
          ? `the upstream's answer is larger than ${maxBytes} bytes`
          : "the upstream's answer broke off, or could not be decoded";
        throw new GatewayError("upstream-invalid", detail, { cause: error });
      }
      return reply;
    };
}

/** The reply as if it had come without codings. */
async function decoded(reply: Reply): Promise<Reply> {
  const codings = reply.headers.get("content-encoding") ?? "";
  let body: Body;
  try {
    body = decodedBody(reply.body, codings);
  } catch (error) {
    await reply.body.cancel();
    throw error;
  }
  const headers = copyHeaders(reply.headers);
  headers.delete("content-encoding");
  headers.delete("content-length");
  return { ...reply, headers, body };
}
