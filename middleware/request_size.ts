import { payloadTooLarge } from "../lib/core/errors.ts";
import type { Middleware } from "./env.ts";

/**
 * Refuses a body whose `Content-Length` is over the limit, before a byte is read. A body of unknown
 * length is counted while it is read.
 * @param limit bytes
 */
export function requestSize(limit: number): Middleware {
  return async function requestSize(c, next) {
    if (Number(c.req.header("content-length") ?? 0) > limit) throw payloadTooLarge(limit);
    await next();
  };
}
