import { GatewayError } from "../lib/core/errors.ts";
import { FieldList } from "../lib/core/field_list.ts";
import { isReservedPath } from "../lib/http/reserved_path.ts";
import { maxForwards } from "../lib/http/max_forwards.ts";
import { ACCEPT_QUERY } from "./accept_query.ts";
import type { Middleware } from "./middleware.ts";
import { ResponseDraft } from "./response_draft.ts";

/** The path that Deno gives a request with the target `*`, which is about the whole server. */
const WHOLE_SERVER = "/*";

/**
 * Responds to OPTIONS with the methods of the path's routes, to `OPTIONS *` with those of all routes
 * (RFC 9110 section 9.3.7).
 * @param allowedMethods empty for a path that no route matches; without a path, those of all routes
 * @param isForwarded whether the request matches a route of its own, which passes it on
 * @param takesQueries whether a QUERY to the path is read as JSON
 */
export function options(
  allowedMethods: (pathname?: string) => string[],
  isForwarded: boolean,
  takesQueries: (pathname: string) => boolean,
): Middleware {
  return {
    before(c) {
      if (c.method !== "OPTIONS") return;
      const { path } = c;
      const isOwn = path === WHOLE_SERVER || isReservedPath(path) || maxForwards(c.headers) === 0;
      if (isForwarded && !isOwn) return;
      const allowed = path === WHOLE_SERVER ? allowedMethods() : allowedMethods(path);
      if (allowed.length === 0) throw new GatewayError("not-found", `no route matches ${path}`);
      const headers = FieldList.of({ allow: allowed.join(", ") });
      if (takesQueries(path)) headers.set(...ACCEPT_QUERY);
      return new ResponseDraft(null, { status: 204, headers });
    },
  };
}
