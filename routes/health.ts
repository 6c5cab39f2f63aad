import type { Shutdown } from "../lib/process/shutdown.ts";
import type { StoreGuard } from "../lib/store/store_guard.ts";
import type { Endpoint } from "../middleware/middleware.ts";
import { jsonDraft } from "./json_draft.ts";

const NO_STORE = { "cache-control": "no-store" };

/** Dependencies of the readiness check. */
export interface ReadyOptions {
  readonly store: Pick<StoreGuard, "check">;
  /** Whether some limit fails closed when the store cannot be written. */
  readonly needsWrites: boolean;
  readonly shutdown: Shutdown;
}

/** The liveness check: the process responds. */
export const live: Endpoint = () => jsonDraft({ status: "live" }, 200, NO_STORE);

/**
 * The readiness check: the store can be read, and also written when some limit fails closed, and the
 * gateway is not shutting down.
 */
export function ready({ store, needsWrites, shutdown }: ReadyOptions): Endpoint {
  const notReady = (reason: string) => jsonDraft({ status: "not ready", reason }, 503, NO_STORE);
  return async function ready() {
    if (shutdown.isBegun) return notReady("the gateway is stopping");
    const trouble = await store.check();
    if (trouble === undefined) return jsonDraft({ status: "ready" }, 200, NO_STORE);
    const { reason, isUnreadable } = trouble;
    return isUnreadable || needsWrites
      ? notReady(reason)
      : jsonDraft({ status: "ready", store: reason }, 200, NO_STORE);
  };
}
