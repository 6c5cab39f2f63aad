import { Hono } from "hono";
import type { Shutdown } from "../lib/process/shutdown.ts";
import type { StoreGuard } from "../lib/store/store_guard.ts";
import type { Env } from "../middleware/env.ts";

const NO_STORE = { "cache-control": "no-store" };

/** Dependencies of the readiness check. */
export interface HealthOptions {
  readonly store: Pick<StoreGuard, "check">;
  /** Whether some limit fails closed when the store cannot be written. */
  readonly needsWrites: boolean;
  readonly shutdown: Shutdown;
}

/**
 * The health checks. `live`: the process responds. `ready`: the store can be read, and also written
 * when some limit fails closed, and the gateway is not shutting down.
 */
export function health({ store, needsWrites, shutdown }: HealthOptions): Hono<Env> {
  return new Hono<Env>()
    .get("/live", (c) => c.json({ status: "live" }, 200, NO_STORE))
    .get("/ready", async (c) => {
      if (shutdown.isBegun) {
        return c.json({ status: "not ready", reason: "the gateway is stopping" }, 503, NO_STORE);
      }
      const trouble = await store.check();
      if (trouble === undefined) return c.json({ status: "ready" }, 200, NO_STORE);
      const { reason, isUnreadable } = trouble;
      return isUnreadable || needsWrites
        ? c.json({ status: "not ready", reason }, 503, NO_STORE)
        : c.json({ status: "ready", store: reason }, 200, NO_STORE);
    });
}
