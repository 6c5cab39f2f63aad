import { methodNotAllowed } from "../lib/core/errors.ts";
import type { Middleware } from "./env.ts";

/**
 * Refuses `get`: methods are told apart by case (RFC 9110 section 9.1), but fetch would send it as
 * GET, which is not what was matched against the routes.
 */
export function methodCase(allowedMethods: (pathname: string) => string[]): Middleware {
  return async function methodCase(c, next) {
    const { method, path } = c.req;
    if (method !== method.toUpperCase()) throw methodNotAllowed(method, path, allowedMethods(path));
    await next();
  };
}
