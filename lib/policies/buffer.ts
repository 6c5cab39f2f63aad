import { abortable } from "@std/async";
import { Body, BodyTooLarge } from "../body.ts";
import { GatewayError } from "../errors.ts";
import { decodeContent } from "../http/content_coding.ts";
import type { Policy, Reply } from "../source.ts";

/** What a buffered reply may hold. */
export interface BufferOptions {
  /** The largest body that is taken (bytes, after decoding). */
  readonly maxBytes: number;
}

/**
 * Waits for the whole body and takes its content codings off, so that what is outside (a timeout, a
 * retry) covers it too.
 * It rejects with `upstream-invalid` when the body is larger, breaks off or cannot be decoded.
 */
export function buffer({ maxBytes }: BufferOptions): Policy {
  return (next) =>
    async function buffer(call, ctx) {
      const reply = await next(call, ctx);
      const codings = reply.headers.get("content-encoding");
      const { body } = reply;
      if (codings === null && body.isWhole && (body.length ?? 0) <= maxBytes) return reply;
      try {
        if (codings) return await abortable(decoded(reply, codings, maxBytes), ctx.signal);
        await abortable(body.bytes(maxBytes), ctx.signal);
        return reply;
      } catch (error) {
        await body.cancel();
        ctx.signal.throwIfAborted();
        if (error instanceof GatewayError) throw error;
        const detail = error instanceof BodyTooLarge
          ? `the upstream's answer is larger than ${maxBytes} bytes`
          : "the upstream's answer broke off, or could not be decoded";
        throw new GatewayError("upstream-invalid", detail, { cause: error });
      }
    };
}

/** The reply as if it had come without codings. */
async function decoded(reply: Reply, codings: string, maxBytes: number): Promise<Reply> {
  const bytes = await decodeContent(await reply.body.bytes(maxBytes), codings, maxBytes);
  const headers = new Headers(reply.headers);
  headers.delete("content-encoding");
  headers.delete("content-length");
  return { ...reply, headers, body: Body.of(bytes) };
}
