import { abortable } from "@std/async";
import { Hono } from "hono";
import { DEFAULTS } from "../lib/config/defaults.ts";
import type { Env } from "../middleware/env.ts";

const NO_STORE = { "cache-control": "no-store" };

/**
 * `live`: the process answers. `ready`: it can do its work, which takes a store that can be read.
 * @param readStore rejects when the store cannot be read
 */
export function health(readStore: () => Promise<unknown>): Hono<Env> {
  return new Hono<Env>()
    .get("/live", (c) => c.json({ status: "live" }, 200, NO_STORE))
    .get("/ready", async (c) => {
      try {
        await abortable(readStore(), AbortSignal.timeout(DEFAULTS.readyMs));
        return c.json({ status: "ready" }, 200, NO_STORE);
      } catch {
        return c.json({ status: "not ready", reason: "the store cannot be read" }, 503, NO_STORE);
      }
    });
}
