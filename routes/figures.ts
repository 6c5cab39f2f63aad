import type { ReloadStatus } from "../lib/process/reloads.ts";
import type { ReadFigures, SetFigure } from "../lib/observe/metrics/registry.ts";
import { type UpstreamStatus, upstreamStatus } from "../lib/upstream/upstream_status.ts";
import type { Shared, SharedDependencies } from "./shared.ts";

/** The states of a circuit breaker. */
const BREAKER_STATES = ["closed", "open", "half-open"] as const;

/** What the figures are of, besides what is shared. */
type Measured = Pick<
  SharedDependencies,
  "clock" | "buffers" | "store" | "connections" | "reloads"
>;

/** Tells the figures of what the gateways of a process share. */
export function sharedFigures(shared: Shared, deps: Measured): ReadFigures {
  const { limits: { limiter }, cache: { cache, memory, coded }, queue } = shared;
  const { clock, buffers, store, connections, reloads } = deps;
  return (set) => {
    for (const { name, state } of shared.upstreams.all()) {
      setUpstream(set, upstreamStatus(name, state, clock.monotonic()));
    }
    set("sluice_cache_lookups_total", ["hit"], cache.stats.hits);
    set("sluice_cache_lookups_total", ["miss"], cache.stats.misses);
    set("sluice_cache_entries", [], memory.keys);
    set("sluice_cache_memory_bytes", [], memory.bytes + coded.bytes);
    set("sluice_cache_memory_limit_bytes", [], memory.maxBytes + coded.maxBytes);
    const { leases, ...transactions } = limiter.counts;
    set("sluice_limiter_buckets", [], limiter.size);
    set("sluice_limiter_leased_buckets", [], limiter.leasedBuckets);
    set("sluice_limiter_leases_total", [], leases);
    for (const [outcome, count] of Object.entries(transactions)) {
      set("sluice_limiter_transactions_total", [outcome], count);
    }
    set("sluice_store_up", [], store.trouble ? 0 : 1);
    set("sluice_event_loop_lag_seconds", [], queue.lagMs / 1000);
    set("sluice_admission_queue_length", [], queue.waiting);
    set("sluice_buffered_bytes", [], buffers.used);
    if (connections) {
      const { active, idle } = connections();
      set("sluice_upstream_connections", ["active"], active);
      set("sluice_upstream_connections", ["idle"], idle);
    }
    if (reloads) setReloads(set, reloads.status);
  };
}

function setUpstream(set: SetFigure, upstream: UpstreamStatus): void {
  const { name, breaker, concurrency, retriesLeft, hedgesLeft, targets = [] } = upstream;
  if (breaker) {
    for (const state of BREAKER_STATES) {
      set("sluice_upstream_breaker_state", [name, state], breaker.state === state ? 1 : 0);
    }
  }
  set("sluice_upstream_retries_left", [name], retriesLeft);
  if (hedgesLeft !== undefined) set("sluice_upstream_hedges_left", [name], hedgesLeft);
  if (concurrency.max !== null) {
    set("sluice_upstream_concurrency_limit", [name], concurrency.max);
    set("sluice_upstream_slots_used", [name], concurrency.inFlight);
    set("sluice_upstream_queue_length", [name], concurrency.waiting);
    set("sluice_upstream_queue_limit", [name], concurrency.queue);
  }
  for (const target of targets) {
    const isUp = target.state === "in-use" || target.state === "held";
    set("sluice_target_up", [name, target.name], isUp ? 1 : 0);
    set("sluice_target_active_requests", [name, target.name], target.inFlight);
    set("sluice_target_latency_seconds", [name, target.name], target.latencyMs / 1000);
  }
}

function setReloads(
  set: SetFigure,
  { digest, loadedAt, succeeded, failed, hasFailed }: ReloadStatus,
): void {
  set("sluice_config_info", [digest], 1);
  set("sluice_config_loaded_time_seconds", [], loadedAt / 1000);
  set("sluice_config_reloads_total", ["succeeded"], succeeded);
  set("sluice_config_reloads_total", ["failed"], failed);
  set("sluice_config_reload_success", [], hasFailed ? 0 : 1);
}
