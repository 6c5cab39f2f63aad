import type { Shutdown } from "../lib/process/shutdown.ts";
import type { ReloadStatus } from "../lib/process/reloads.ts";
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
  /** How reloads of the config went; absent: it is not reloaded. */
  readonly reloads: { readonly status: ReloadStatus } | undefined;
}

/** The liveness check: the process responds. */
export const live: Endpoint = () => jsonDraft({ status: "live" }, 200, NO_STORE);

/**
 * The readiness check: the store can be read, and also written when some limit fails closed, and the
 * gateway is not shutting down. A failed reload leaves it ready, with the config before.
 */
export function ready({ store, needsWrites, shutdown, reloads }: ReadyOptions): Endpoint {
  const notReady = (reason: string) => jsonDraft({ status: "not ready", reason }, 503, NO_STORE);
  return async function ready() {
    if (shutdown.isBegun) return notReady("the gateway is stopping");
    const trouble = await store.check();
    // Why it failed is the operator's alone: anybody may read this.
    const config = reloads?.status.hasFailed ? { config: "the last reload failed" } : {};
    if (trouble === undefined) return jsonDraft({ status: "ready", ...config }, 200, NO_STORE);
    const { reason, isUnreadable } = trouble;
    return isUnreadable || needsWrites
      ? notReady(reason)
      : jsonDraft({ status: "ready", store: reason, ...config }, 200, NO_STORE);
  };
}
