import { methodNotAllowed } from "../lib/core/errors.ts";
import type { Middleware } from "./middleware.ts";

/**
 * Refuses methods in lower case, such as `get`: methods are case-sensitive (RFC 9110 section 9.1),
 * and fetch would send `get` as GET, which is not what the router matched.
 */
export function methodCase(allowedMethods: (pathname: string) => string[]): Middleware {
  return {
    before(c) {
      const { method, path } = c;
      if (method !== method.toUpperCase()) {
        throw methodNotAllowed(method, path, allowedMethods(path));
      }
    },
  };
}
