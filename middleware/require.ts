import { GatewayError } from "../lib/core/errors.ts";
import type { Condition } from "../lib/expression/condition.ts";
import type { Exchange } from "./exchange.ts";
import type { Middleware } from "./middleware.ts";

const NO_CLAIMS: Readonly<Record<string, unknown>> = {};

/**
 * Refuses a request that does not fulfil the route's condition with 403.
 * @param hasBearer whether the route accepts bearer tokens, whose scope may be too small
 */
export function require(condition: Condition, hasBearer: boolean): Middleware {
  // RFC 6750 section 3.1.
  const headers = hasBearer ? { "www-authenticate": 'Bearer error="insufficient_scope"' } : {};
  return {
    before(c) {
      const { address, name = "", tier = "", claims = NO_CLAIMS } = c.ctx.client;
      const client = { address, name, tier };
      if (condition.test({ claims, client, request: requestValues(c) })) return;
      throw new GatewayError("forbidden", "the client may not send this request", { headers });
    },
  };
}

/** The request as conditions see it; what they do not name is not read. */
function requestValues(c: Exchange) {
  return {
    method: c.method,
    path: c.path,
    params: c.params,
    get headers() {
      return Object.fromEntries(c.headers);
    },
    get query() {
      return queryOf(c);
    },
  };
}

/** A repeated parameter is a list, so that it equals no text: upstreams differ in which one counts. */
function queryOf({ target }: Exchange): Record<string, string | string[]> {
  const params = new URLSearchParams(target.search);
  const values: Record<string, string | string[]> = {};
  for (const name of new Set(params.keys())) {
    const [first = "", ...more] = params.getAll(name);
    values[name] = more.length === 0 ? first : [first, ...more];
  }
  return values;
}
