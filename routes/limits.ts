import { DEFAULTS } from "../lib/core/defaults.ts";
import { GuardedStore } from "../lib/limiter/stores/guarded_store.ts";
import { TopKeys } from "../lib/limiter/admin/top_keys.ts";
import { Ledger } from "../lib/limiter/admin/ledger.ts";
import { Limiter } from "../lib/limiter/limiter.ts";
import type { GatewayDependencies } from "./dependencies.ts";

/** The rate limiter of a process, and the operator's view of it. */
export interface Limits {
  readonly limiter: Limiter;
  readonly ledger: Ledger;
  readonly topKeys: TopKeys;
}

/** Opens the rate limiter, its ledger and the list of its busiest buckets. */
export function openLimits(
  deps: Pick<
    GatewayDependencies,
    "buckets" | "clock" | "random" | "closing" | "logError" | "store"
  >,
): Limits {
  const { buckets, clock, random, closing, logError } = deps;
  const store = new GuardedStore(buckets, deps.store);
  const limiter = new Limiter({
    store,
    clock,
    random,
    maxBuckets: DEFAULTS.maxBuckets,
    onError: (error) => logError(error, "limiter"),
  });
  closing.defer(() => limiter.close());
  const ledger = new Ledger({
    store,
    clock,
    random,
    forget: (keys) => limiter.forget(keys),
    leasedTokens: (key) => limiter.leasedTokens(key),
    onError: (error) => logError(error, "operator"),
  });
  return { limiter, ledger, topKeys: new TopKeys(clock) };
}
