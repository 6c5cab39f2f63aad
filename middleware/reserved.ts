import { GatewayError } from "../lib/core/errors.ts";
import { isReservedPath } from "../lib/http/reserved_path.ts";
import type { Middleware } from "./env.ts";

/**
 * Lets the gateway's own routes be reached by their plain spelling alone, and lets no other
 * spelling through to a route of the config: what stands in front may block `/_gateway/` by it.
 * @param isOwn whether one of the gateway's routes has that path, with nothing decoded
 */
export function reserved(isOwn: (pathname: string) => boolean): Middleware {
  return async function reserved(c, next) {
    const { pathname } = c.get("target");
    if (isReservedPath(pathname) && !isOwn(pathname)) {
      throw new GatewayError("not-found", `no route is at ${pathname}`);
    }
    await next();
  };
}
