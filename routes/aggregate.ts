import type { Handler } from "hono";
import type { Source } from "../lib/source.ts";
import type { Env } from "../middleware/env.ts";
import { toBody } from "./request_body.ts";

/** A route that asks a gather, and answers with its envelope. */
export function aggregate(source: Source): Handler<Env> {
  return async function aggregate(c) {
    const { pathname, search } = c.var.target;
    const { method, headers } = c.req.raw;
    const body = toBody(c.req.raw);
    const reply = await source(
      { method, path: pathname + search, headers, params: c.req.param(), ...(body && { body }) },
      c.var.ctx,
    );
    // For HEAD, whose answer loses its body on the way out and would claim to be empty.
    reply.headers.set("content-length", String(reply.body.length));
    return new Response(reply.body.handOn(), reply);
  };
}
