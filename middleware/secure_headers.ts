import type { Middleware } from "./middleware.ts";

/** What tells attackers which software to look up. */
const REVEALING = ["server", "x-powered-by"] as const;
/** The values that suit nearly every API and page; a response that needs others sets its own. */
const SECURE = [
  ["strict-transport-security", "max-age=31536000"],
  ["x-content-type-options", "nosniff"],
  ["x-frame-options", "SAMEORIGIN"],
  ["referrer-policy", "strict-origin-when-cross-origin"],
] as const;

/** Adds the headers by which browsers protect users, and removes those that name software. */
export function secureHeaders(): Middleware {
  return {
    after(_c, { headers }) {
      for (const name of REVEALING) headers.delete(name);
      for (const [name, value] of SECURE) if (!headers.has(name)) headers.set(name, value);
    },
  };
}
