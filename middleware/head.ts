import type { Middleware } from "./middleware.ts";

/** Gives a HEAD response the length of GET's, before the body and its length are dropped. */
export function head(): Middleware {
  return {
    async after(c, { body, headers }) {
      if (c.method !== "HEAD" || body === null || headers.has("content-length")) return;
      const { byteLength } = await new Response(body).arrayBuffer();
      headers.set("content-length", String(byteLength));
    },
  };
}
