/** What is known of a metric, besides its values. */
export interface MetricFacts {
  /** A histogram is of seconds, with the bounds of {@linkcode BOUNDS}. */
  readonly type: "counter" | "gauge" | "histogram";
  /** One line for the exposition's `# HELP`, and for the table in `docs/observe.md`. */
  readonly help: string;
  /** The names of its labels, in their order. */
  readonly labels: readonly string[];
}

/**
 * The upper bounds of all histograms (s): those that OpenTelemetry recommends for HTTP, and 1 ms, in
 * which a cache responds.
 */
export const BOUNDS: readonly number[] = [
  0.001,
  0.005,
  0.01,
  0.025,
  0.05,
  0.075,
  0.1,
  0.25,
  0.5,
  0.75,
  1,
  2.5,
  5,
  7.5,
  10,
];

const REQUEST = ["http_request_method", "http_route", "http_response_status_code", "error_type"];

/**
 * Every metric of the gateway. Names follow OpenTelemetry's semantic conventions for HTTP where they
 * have one, as Prometheus writes them; Sluice's own begin with `sluice_`. No label has a value that a
 * client chooses: routes are patterns, and methods, statuses and kinds of problems are few.
 */
export const METRICS = {
  http_server_request_duration_seconds: {
    type: "histogram",
    help: "Time from a request's arrival until its response was sent",
    labels: REQUEST,
  },
  http_server_active_requests: {
    type: "gauge",
    help: "Requests in flight, those in batches included",
    labels: [],
  },
  sluice_batched_request_duration_seconds: {
    type: "histogram",
    help: "The same for the requests in batches, which are no requests of their own on the wire",
    labels: REQUEST,
  },
  sluice_part_duration_seconds: {
    type: "histogram",
    help: "Time from a part's start to its outcome; without error_type: it succeeded",
    labels: ["http_route", "part", "error_type"],
  },
  sluice_cache_responses_total: {
    type: "counter",
    help: "How caches handled parts, and responses as a whole (without part)",
    labels: ["http_route", "part", "cache"],
  },
  http_client_request_duration_seconds: {
    type: "histogram",
    help: "Time of each attempt of a call to an upstream; of a forward, until the response's head",
    labels: ["upstream", "http_response_status_code", "error_type"],
  },
  http_client_active_requests: {
    type: "gauge",
    help: "Attempts of calls in progress",
    labels: ["upstream"],
  },
  sluice_upstream_attempts_total: {
    type: "counter",
    help: "Attempts of calls that have ended, by why they were made: first, retry, hedge",
    labels: ["upstream", "attempt"],
  },
  sluice_upstream_faults_total: {
    type: "counter",
    help:
      "Attempts that failed without a response, by reason: refused, no-such-host, certificate, …",
    labels: ["upstream", "reason"],
  },
  sluice_wait_duration_seconds: {
    type: "histogram",
    help: "Waits of requests, by what for: limits, concurrency, rate, backoff, shared",
    labels: ["wait", "upstream"],
  },
  sluice_upstream_breaker_state: {
    type: "gauge",
    help: "1 for the state that the upstream's circuit breaker is in, else 0",
    labels: ["upstream", "state"],
  },
  sluice_upstream_retries_left: {
    type: "gauge",
    help: "Retries that the upstream's retry budget allows now",
    labels: ["upstream"],
  },
  sluice_upstream_hedges_left: {
    type: "gauge",
    help: "Hedges that the upstream's hedge budget allows now",
    labels: ["upstream"],
  },
  sluice_upstream_concurrency_limit: {
    type: "gauge",
    help: "Calls that the upstream may have at once; moves where the limit is adaptive",
    labels: ["upstream"],
  },
  sluice_upstream_slots_used: {
    type: "gauge",
    help: "Calls that hold a slot of the concurrency limit",
    labels: ["upstream"],
  },
  sluice_upstream_queue_length: {
    type: "gauge",
    help: "Calls that wait for a slot of the concurrency limit",
    labels: ["upstream"],
  },
  sluice_upstream_queue_limit: {
    type: "gauge",
    help: "Calls that may wait for a slot; further ones fail at once",
    labels: ["upstream"],
  },
  sluice_target_up: {
    type: "gauge",
    help: "1 if the target is used, 0 while it is ejected or fails its health checks",
    labels: ["upstream", "target"],
  },
  sluice_target_active_requests: {
    type: "gauge",
    help: "Attempts in progress at the target",
    labels: ["upstream", "target"],
  },
  sluice_target_latency_seconds: {
    type: "gauge",
    help: "The target's recent peak latency, by which load is balanced",
    labels: ["upstream", "target"],
  },
  sluice_cache_lookups_total: {
    type: "counter",
    help: "Lookups in the cache of this process, by result: hit, miss",
    labels: ["result"],
  },
  sluice_cache_entries: {
    type: "gauge",
    help: "Keys with stored responses in memory",
    labels: [],
  },
  sluice_cache_memory_bytes: {
    type: "gauge",
    help: "Memory of stored responses, and of their compressed forms",
    labels: [],
  },
  sluice_cache_memory_limit_bytes: {
    type: "gauge",
    help: "The bound of that memory",
    labels: [],
  },
  sluice_limiter_decisions_total: {
    type: "counter",
    help: "Decisions of limits: admitted, denied, unavailable",
    labels: ["limit", "decision"],
  },
  sluice_limiter_buckets: {
    type: "gauge",
    help: "Token buckets in memory",
    labels: [],
  },
  sluice_limiter_leased_buckets: {
    type: "gauge",
    help: "Buckets of which this process holds leased tokens",
    labels: [],
  },
  sluice_limiter_leases_total: {
    type: "counter",
    help: "Leases of tokens that the store granted",
    labels: [],
  },
  sluice_limiter_transactions_total: {
    type: "counter",
    help: "Transactions of the limiter, by outcome: committed, conflict (tried again), failed",
    labels: ["outcome"],
  },
  sluice_store_call_duration_seconds: {
    type: "histogram",
    help: "Time of each call to the store; outcome: replied, failed, late",
    labels: ["call", "outcome"],
  },
  sluice_store_up: {
    type: "gauge",
    help: "1 if nothing is known to be wrong with the store",
    labels: [],
  },
  sluice_event_loop_lag_seconds: {
    type: "gauge",
    help: "How long a request that arrives now waits until the event loop begins it",
    labels: [],
  },
  sluice_admission_queue_length: {
    type: "gauge",
    help: "Requests that have arrived and are not begun",
    labels: [],
  },
  sluice_buffered_bytes: {
    type: "gauge",
    help: "Memory of buffered bodies",
    labels: [],
  },
  sluice_upstream_connections: {
    type: "gauge",
    help: "Open connections to upstreams, by state: active, idle",
    labels: ["state"],
  },
  process_resident_memory_bytes: {
    type: "gauge",
    help: "Resident memory of the process",
    labels: [],
  },
  sluice_heap_used_bytes: {
    type: "gauge",
    help: "Memory in use on the JavaScript heap",
    labels: [],
  },
  process_cpu_seconds_total: {
    type: "counter",
    help: "CPU time of the process",
    labels: [],
  },
  process_start_time_seconds: {
    type: "gauge",
    help: "When the process started, since 1970",
    labels: [],
  },
  sluice_build_info: {
    type: "gauge",
    help: "1; the versions are in its labels",
    labels: ["deno", "v8"],
  },
  sluice_config_info: {
    type: "gauge",
    help: "1; the digest identifies the config in use, the same in all processes that have it",
    labels: ["digest"],
  },
  sluice_config_loaded_time_seconds: {
    type: "gauge",
    help: "When the config in use was loaded, since 1970",
    labels: [],
  },
  sluice_config_reloads_total: {
    type: "counter",
    help: "Reloads of the config, by outcome: succeeded, failed",
    labels: ["outcome"],
  },
  sluice_config_reload_success: {
    type: "gauge",
    help: "0 if the last reload failed, so that the config before stays in use, else 1",
    labels: [],
  },
  sluice_metrics_folded_total: {
    type: "counter",
    help: "Values counted in a metric's series `other`, because it has too many series",
    labels: ["metric"],
  },
} as const satisfies Readonly<Record<string, MetricFacts>>;

/** The name of a metric. */
export type MetricName = keyof typeof METRICS;

/** The names of all metrics, in the order of the exposition. */
export const METRIC_NAMES: readonly MetricName[] = Object.keys(METRICS).filter(isMetricName);

function isMetricName(name: string): name is MetricName {
  return name in METRICS;
}
