/** Every default of the gateway, in the units that the code uses: milliseconds and bytes. */
export const DEFAULTS = {
  /** Where the gateway listens. */
  port: 8000,
  /** Loopback: reachable from elsewhere only when somebody says so. */
  host: "127.0.0.1",
  /** A request's whole time, from its arrival. */
  deadlineMs: 10_000,
  /** One attempt's time at an upstream. */
  timeoutMs: 5_000,
  /** The largest answer of an upstream that a part takes. */
  maxBody: 4 * 1024 * 1024,
  /** What clients read of an upstream's refusals. */
  errors: "show",
  /** The largest body that a client may send. */
  maxRequestBody: 1024 * 1024,
  /** What all answers that are kept may take of a process's memory. */
  cacheMemory: 64 * 1024 * 1024,
  /** The largest answer that is kept while it streams through a forward route. */
  keepBytes: 4 * 1024 * 1024,
  /** The header in which trusted proxies say whom they speak for. */
  forwardedHeader: "x-forwarded-for",
  /** How many requests may wait for one bucket, where a limit lets them wait. */
  queue: 100,
  /** What one call of the store may take before the limiter does without. */
  storeTimeoutMs: 400,
  /** What a store that is reached over the network may take to answer when the gateway starts. */
  openStoreMs: 5_000,
  /** How many idle buckets a process remembers: some 300 bytes each. */
  maxBuckets: 50_000,
  /** How many requests a batch may hold, and how many of them are answered at once. */
  batchMax: 20,
  batchConcurrency: 8,
  /** The largest answer within a batch, and the largest answer of a batch. */
  batchMaxBody: 1024 * 1024,
  batchMaxTotal: 8 * 1024 * 1024,
  /** How many items of a list are asked for at once. */
  eachConcurrency: 8,
  /** How many items a list may have that is asked for item by item. */
  eachMax: 100,
  /** How many pages of a list are read, and how many items they may have. */
  pagesMax: 10,
  pagesMaxItems: 1_000,
  /** How long a stream of events says nothing before it shows that it is alive. */
  heartbeatMs: 15_000,
  /** How often a call is made at most, where it may be made again. */
  attempts: 3,
  /** Which calls may be made again: those that change nothing. */
  retryMethods: ["GET", "HEAD"],
  /** The base of the random wait before a call is made again, and the longest it grows to. */
  backoffMs: 50,
  maxBackoffMs: 1_000,
  /** Of an upstream's calls, how many may be made again, and how many in a second in any case. */
  retryShare: 0.2,
  retriesPerSecond: 3,
  /** How many calls may wait for each that an upstream has at once. */
  queuePerCall: 2,
  /** How many threads a worker module has: a core is left to the event loop. */
  workers: Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1)),
  /** How many calls may wait for them: heavy work is slow, and a request is many calls of it. */
  workerQueue: 100,
  /** How large the heap of one may grow. */
  workerMemory: 128 * 1024 * 1024,
  /** What it may take to yield once its call was aborted, before it is ended. */
  workerGraceMs: 75,
  /** How long one without work is kept. */
  workerIdleMs: 60_000,
  /** What work that outlives its answer may take. */
  backgroundMs: 30_000,
  /** What readiness waits for the store. */
  readyMs: 1_000,
  /** How long a stop waits for calls that nobody waits for any more, before it closes what they use. */
  lingerMs: 1_000,
  /** How many file descriptors stay free of clients' connections, for upstreams and the store. */
  reservedDescriptors: 32,
  /** What running requests get when the gateway is told to stop; Deno Deploy waits 5 s in all. */
  graceMs: 4_000,
  /** What a reader gets to take the last lines of the log, before the process ends without it. */
  flushMs: 500,
} as const;
