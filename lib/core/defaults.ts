/**
 * Constants that no config key sets, in milliseconds and bytes. The defaults of config keys are in
 * the config's schema, beside each key.
 */
export const DEFAULTS = {
  /** The port to listen on. */
  port: 8000,
  /** The address to listen on: loopback only, unless set otherwise. */
  host: "127.0.0.1",
  /** The least level of the lines that are logged. */
  logLevel: "info",
  /** Maximum memory for all buffered bodies, as a share of the heap's limit. */
  bufferedShare: 0.5,
  /** Upper bound of that share. */
  maxBuffered: 1024 * 1024 * 1024,
  /** Largest response of a forward route that is stored while it streams. */
  keepBytes: 4 * 1024 * 1024,
  /** Time limit for one call to the store, after which the limiter decides without it. */
  storeTimeoutMs: 400,
  /** Time limit for a store on the network to respond when the gateway starts. */
  openStoreMs: 5_000,
  /** Maximum idle buckets in a process's memory: about 300 bytes each. */
  maxBuckets: 50_000,
  /** Maximum concurrent calls of an `each`. */
  eachConcurrency: 8,
  /** Maximum items of an `each`. */
  eachMax: 100,
  /** Whether a part's `map` receives numbers as ExactNumber. */
  mapExact: false,
  /** Maximum pages of a list, and maximum items of all pages. */
  pagesMax: 10,
  pagesMaxItems: 1_000,
  /** Idle time after which a stream of events sends a keep-alive. */
  heartbeatMs: 15_000,
  /** Threads per worker module: leaves one core for the event loop. */
  workers: Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1)),
  /** Maximum calls that queue for a worker's threads. */
  workerQueue: 100,
  /** Maximum heap of a worker thread. */
  workerMemory: 128 * 1024 * 1024,
  /** Grace period for a thread whose call was aborted, before it is terminated. */
  workerGraceMs: 75,
  /** Idle time after which a worker thread is stopped. */
  workerIdleMs: 60_000,
  /** Time limit for work that continues after the response. */
  backgroundMs: 30_000,
  /** Time that shutdown waits for abandoned calls before it closes their resources. */
  lingerMs: 1_000,
  /** File descriptors that are reserved for upstreams and the store. */
  reservedDescriptors: 32,
  /** Grace period for running requests at shutdown; Deno Deploy allows 5 s in total. */
  graceMs: 4_000,
  /**
   * At shutdown: how long before the end of the grace period aggregates respond with what they have,
   * how much later batches do, and how long before the end all is closed. Less in a short period.
   */
  stopRespondBeforeMs: 500,
  stopBatchMs: 100,
  stopCloseBeforeMs: 250,
  /** Time limit for writing the last lines of the log before the process exits. */
  flushMs: 500,
} as const;
