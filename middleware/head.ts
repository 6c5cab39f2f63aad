import type { Middleware } from "./env.ts";

/** Gives a HEAD response the length of GET's, before the server drops the body and its length. */
export function head(): Middleware {
  return async function head(c, next) {
    await next();
    if (c.req.method !== "HEAD" || c.res.body === null || c.res.headers.has("content-length")) {
      return;
    }
    const { byteLength } = await c.res.clone().arrayBuffer();
    c.res.headers.set("content-length", String(byteLength));
  };
}
