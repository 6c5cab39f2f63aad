import type { Middleware } from "./env.ts";

/** Tells HEAD the length that GET would have: the body is left away after this, and its length with it. */
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
