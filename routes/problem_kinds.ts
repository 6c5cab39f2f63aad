import { Hono } from "hono";
import { GatewayError, KINDS } from "../lib/core/errors.ts";
import type { Env } from "../middleware/env.ts";

/** The pages that a problem's `type` links to: what the kind means and what to do about it. */
export function problemKinds(): Hono<Env> {
  return new Hono<Env>()
    .get("/:kind", (c) => {
      const kind = c.req.param("kind");
      const facts = Object.entries(KINDS).find(([name]) => name === kind)?.[1];
      if (!facts) throw new GatewayError("not-found", `"${kind}" is not a kind of problem`);
      const { status, blame, title, advice } = facts;
      return c.json({ kind, status, blame, title, advice });
    });
}
