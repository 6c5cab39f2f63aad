import { abortable } from "@std/async";
import { BodyTooLarge } from "../body.ts";
import { GatewayError } from "../errors.ts";
import type { Policy } from "../source.ts";

/** What a buffered reply may hold. */
export interface BufferOptions {
  /** The largest body that is taken (bytes, after decoding). */
  readonly maxBytes: number;
}

/**
 * Waits for the whole body, so that what is outside (a timeout, a retry) covers it too.
 * It rejects with `upstream-invalid` when the body is larger, or breaks off.
 */
export function buffer({ maxBytes }: BufferOptions): Policy {
  return (next) =>
    async function buffer(call, ctx) {
      const reply = await next(call, ctx);
      if (reply.body.isWhole && (reply.body.length ?? 0) <= maxBytes) return reply;
      try {
        await abortable(reply.body.bytes(maxBytes), ctx.signal);
      } catch (error) {
        await reply.body.cancel();
        ctx.signal.throwIfAborted();
        const detail = error instanceof BodyTooLarge
          ? `the upstream's answer is larger than ${maxBytes} bytes`
          : "the upstream's answer broke off, or could not be decoded";
        throw new GatewayError("upstream-invalid", detail, { cause: error });
      }
      return reply;
    };
}
