/**
 * What no config says, in the units that the code uses: milliseconds and bytes. The defaults of the
 * config's keys are in its schema, beside each key.
 */
export const DEFAULTS = {
  /** Where the gateway listens. */
  port: 8000,
  /** Loopback: reachable from elsewhere only when somebody says so. */
  host: "127.0.0.1",
  /** What all buffered bodies may take: a share of the heap's limit, which follows the machine's memory. */
  bufferedShare: 0.5,
  /** The most that share comes to. */
  maxBuffered: 1024 * 1024 * 1024,
  /** The largest answer that is kept while it streams through a forward route. */
  keepBytes: 4 * 1024 * 1024,
  /** What one call of the store may take before the limiter does without. */
  storeTimeoutMs: 400,
  /** What a store that is reached over the network may take to answer when the gateway starts. */
  openStoreMs: 5_000,
  /** How many idle buckets a process remembers: some 300 bytes each. */
  maxBuckets: 50_000,
  /** How many items of a list are asked for at once. */
  eachConcurrency: 8,
  /** How many items a list may have that is asked for item by item. */
  eachMax: 100,
  /** Whether a part's map gets numbers with all their digits, which are no JavaScript numbers then. */
  mapExact: false,
  /** How many pages of a list are read, and how many items they may have. */
  pagesMax: 10,
  pagesMaxItems: 1_000,
  /** How long a stream of events says nothing before it shows that it is alive. */
  heartbeatMs: 15_000,
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
  /** When they get what is there, how much later a batch of them does, and when no more is waited. */
  stopAnswerMs: 3_500,
  stopBatchMs: 100,
  stopCloseMs: 3_750,
  /** What a reader gets to take the last lines of the log, before the process ends without it. */
  flushMs: 500,
} as const;
