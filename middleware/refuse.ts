import type { Middleware } from "./middleware.ts";

/** Refuses a client that is not known or not authenticated, after the rate limit has counted it. */
export function refuse(): Middleware {
  return {
    before(c) {
      if (c.refusal) throw c.refusal;
    },
  };
}
