import type { Handler } from "hono";
import { GatewayError } from "../lib/errors.ts";
import { requestBody } from "../lib/request_body.ts";
import type { Source } from "../lib/source.ts";
import type { Env } from "../middleware/env.ts";

/** A route that asks a gather, and answers with its envelope. */
export function aggregate(source: Source): Handler<Env> {
  return async function aggregate(c) {
    const { pathname, search } = c.get("target");
    const { method, headers } = c.req.raw;
    if (!isDecodable(pathname)) {
      throw new GatewayError("bad-request", "the path must be UTF-8, percent-encoded");
    }
    const body = requestBody(c.req.raw);
    const reply = await source(
      { method, path: pathname + search, headers, params: c.req.param(), ...(body && { body }) },
      c.get("ctx"),
    );
    return new Response(reply.body.handOn(), reply);
  };
}

/** Whether a path's parameters have values: what is not UTF-8 would be passed on as something else. */
function isDecodable(pathname: string): boolean {
  try {
    return decodeURIComponent(pathname) !== "";
  } catch {
    return false;
  }
}
