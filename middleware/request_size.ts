import { payloadTooLarge } from "../lib/core/errors.ts";
import type { Middleware } from "./middleware.ts";

/**
 * Refuses a body whose `Content-Length` is over the limit, before a byte is read. A body of unknown
 * length is counted while it is read.
 * @param limit bytes
 */
export function requestSize(limit: number): Middleware {
  return {
    before(c) {
      if (Number(c.headers.get("content-length") ?? 0) > limit) throw payloadTooLarge(limit);
    },
  };
}
