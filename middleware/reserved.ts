import { GatewayError } from "../lib/core/errors.ts";
import { isReservedPath } from "../lib/http/reserved_path.ts";
import type { Middleware } from "./middleware.ts";

/**
 * Refuses every spelling of `/_gateway/` but the plain one, so that a proxy in front can block the
 * gateway's own routes by their prefix, and no wildcard route of the config serves another spelling.
 * @param isOwn whether one of the gateway's own routes has exactly that path, undecoded
 */
export function reserved(isOwn: (pathname: string) => boolean): Middleware {
  return {
    before(c) {
      const { pathname } = c.target;
      if (!isOwn(pathname) && isReservedPath(pathname)) {
        throw new GatewayError("not-found", `no route matches ${pathname}`);
      }
    },
  };
}
