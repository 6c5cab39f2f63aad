import type { Middleware } from "./middleware.ts";

/** Says which media type a QUERY to this path may have (RFC 10008 section 3). */
export const ACCEPT_QUERY = ["accept-query", "application/json"] as const;

/** Says so in every response of a route for QUERY, whose gateway reads the body as JSON. */
export function acceptQuery(): Middleware {
  return {
    after(_c, { headers }) {
      headers.set(...ACCEPT_QUERY);
    },
  };
}
