import { Hono } from "hono";
import type { StoreWatch } from "../lib/store/store_watch.ts";
import type { Env } from "../middleware/env.ts";

const NO_STORE = { "cache-control": "no-store" };

/**
 * `live`: the process answers. `ready`: it can do its work, which takes a store that can be read,
 * and also be written where nobody passes without.
 * @param needsWrites whether some route is closed while the store fails
 */
export function health(store: Pick<StoreWatch, "check">, needsWrites: boolean): Hono<Env> {
  return new Hono<Env>()
    .get("/live", (c) => c.json({ status: "live" }, 200, NO_STORE))
    .get("/ready", async (c) => {
      const trouble = await store.check();
      if (trouble === undefined) return c.json({ status: "ready" }, 200, NO_STORE);
      const { reason, isUnreadable } = trouble;
      return isUnreadable || needsWrites
        ? c.json({ status: "not ready", reason }, 503, NO_STORE)
        : c.json({ status: "ready", store: reason }, 200, NO_STORE);
    });
}
