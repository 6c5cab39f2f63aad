import { Hono } from "hono";
import type { Operator } from "../../lib/operator/operator.ts";
import type { OperatorEnv } from "./operator_env.ts";
import { NO_STORE } from "./no_store.ts";

/** Replaces the key of the hashes that stand for clients in the log. */
export function logKeyAdmin(operator: Operator): Hono<OperatorEnv> {
  return new Hono<OperatorEnv>().delete("/", async (c) => {
    await operator.rotateLogKey();
    return c.json({ rotated: true }, 200, NO_STORE);
  });
}
