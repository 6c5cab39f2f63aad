import { abortable } from "@std/async";
import { contentDecoder } from "../coding/content_decoder.ts";
import { BodyTooLarge } from "../core/body.ts";
import { GatewayError } from "../core/errors.ts";
import { copyHeaders } from "../http/copy_headers.ts";
import { abortedIn } from "../core/upstream_fault.ts";
import type { Context, Policy, Reply } from "../core/source.ts";

/** The limits of a buffered reply. */
export interface BufferOptions {
  /** Maximum body size (bytes, after decoding). */
  readonly maxBytes: number;
}

/**
 * Reads the whole body and removes its content codings, so that the policies outside (timeout, retry)
 * cover the body too.
 * It rejects with `upstream-invalid` when the body is too large, breaks off or cannot be decoded, and
 * with `overloaded` when all buffered bodies together would exceed the memory limit.
 */
export function buffer(options: BufferOptions): Policy {
  const complete = buffering(options);
  return (next) => (call, ctx) => next(call, ctx).then((reply) => complete(reply, ctx));
}

/**
 * What {@linkcode buffer} does with a reply, for a policy around it that saves the promise between
 * them: returns the reply at once if its body arrived with its head, as most do.
 */
export function buffering(
  { maxBytes }: BufferOptions,
): (reply: Reply, ctx: Context) => Reply | Promise<Reply> {
  return (reply, ctx) => {
    const { body, headers } = reply;
    if (!body.isWhole || (body.length ?? 0) > maxBytes || headers.has("content-encoding")) {
      return read(reply, ctx, maxBytes);
    }
    ctx.buffers?.hold(body);
    return reply;
  };
}

async function read(coded: Reply, ctx: Context, maxBytes: number): Promise<Reply> {
  let reply = coded;
  try {
    if (coded.headers.has("content-encoding")) reply = await decoded(coded, maxBytes);
    ctx.buffers?.hold(reply.body);
    await abortable(reply.body.bytes(maxBytes), ctx.signal);
  } catch (error) {
    await reply.body.cancel();
    if (ctx.signal.aborted) {
      throw abortedIn("the response's body is incomplete", "timeout", ctx.signal.reason);
    }
    if (error instanceof GatewayError) throw error;
    const detail = error instanceof BodyTooLarge
      ? `the upstream's response is larger than ${maxBytes} bytes`
      : "the upstream's response broke off, or could not be decoded";
    throw new GatewayError("upstream-invalid", detail, { cause: error });
  }
  return reply;
}

/** The reply without content codings. */
async function decoded(reply: Reply, maxBytes: number): Promise<Reply> {
  const decode = contentDecoder(reply.headers.get("content-encoding") ?? "");
  const body = decode ? await decode(reply.body, maxBytes) : reply.body;
  const headers = copyHeaders(reply.headers);
  for (const name of ["content-encoding", "content-length"]) headers.delete(name);
  return { ...reply, headers, body };
}
