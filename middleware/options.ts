import { GatewayError } from "../lib/core/errors.ts";
import { FieldList } from "../lib/core/field_list.ts";
import type { Middleware } from "./middleware.ts";
import { ResponseDraft } from "./response_draft.ts";

/** The path that Deno gives a request with the target `*`, which is about the whole server. */
const WHOLE_SERVER = "/*";

/**
 * Responds to OPTIONS with the methods of the path's routes, to `OPTIONS *` with those of all routes
 * (RFC 9110 section 9.3.7).
 * @param allowedMethods empty for a path that no route matches; without a path, those of all routes
 */
export function options(allowedMethods: (pathname?: string) => string[]): Middleware {
  return {
    before(c) {
      if (c.method !== "OPTIONS") return;
      const { path } = c;
      const allowed = path === WHOLE_SERVER ? allowedMethods() : allowedMethods(path);
      if (allowed.length === 0) throw new GatewayError("not-found", `no route matches ${path}`);
      return new ResponseDraft(null, {
        status: 204,
        headers: FieldList.of({ allow: allowed.join(", ") }),
      });
    },
  };
}
