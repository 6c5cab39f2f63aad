import type { OnStoreFailure } from "../../lib/limiter/limit.ts";

/** How clients send requests. */
export const SHAPES = ["steady", "bursts", "hot", "zipf", "rotating"] as const;
/** One of them. */
export type Shape = (typeof SHAPES)[number];

/**
 * How requests are spread over processes: evenly; four fifths to one of them; or all to one, and to
 * the next one every second.
 */
export const SPREADS = ["even", "skewed", "wandering"] as const;
/** One of them. */
export type Spread = (typeof SPREADS)[number];

/** What is simulated. */
export interface Scenario {
  readonly shape: Shape;
  readonly spread: Spread;
  readonly processes: number;
  readonly requests: number;
  /** How many clients there are, where the shape has several. */
  readonly clients: number;
  /** Tokens a second. */
  readonly rate: number;
  /** Tokens that a bucket holds. */
  readonly burst: number;
  /** How much a client requests (of `zipf`: the busiest), as a share of the rate. */
  readonly load: number;
  /** One way to the store, on average (ms). */
  readonly latencyMs: number;
  /** By how much of it a way may be shorter or longer. */
  readonly jitter: number;
  /** Commits that the store does in a second, one after the other; the others wait. */
  readonly capacity: number;
  /** Share of the store's calls that fail, and did nothing. */
  readonly failing: number;
  /** Share of calls to the store that never reply, and did nothing. */
  readonly hanging: number;
  /** Share of calls to the store that did their work, and never reply. */
  readonly losing: number;
  /** How many buckets one commit may write. */
  readonly maxWrites: number;
  /** How many commits a process sends before the first has come back. */
  readonly concurrency: number;
  /** The clock skew that the limiter allows for (ms). */
  readonly skewMs: number;
  /** How much they do differ (ms). */
  readonly apartMs: number;
  /** How long a call of the store may take (ms). */
  readonly timeoutMs: number;
  readonly onStoreFailure: OnStoreFailure;
  readonly seed: number;
}

/** The default scenario: a store that several machines share. */
export const DEFAULT_SCENARIO: Scenario = {
  shape: "hot",
  spread: "even",
  processes: 10,
  requests: 20_000,
  clients: 10,
  rate: 1_000,
  burst: 1_000,
  load: 0.8,
  latencyMs: 5,
  jitter: 0.5,
  capacity: Infinity,
  failing: 0,
  hanging: 0,
  losing: 0,
  maxWrites: 10,
  concurrency: 16,
  skewMs: 0,
  apartMs: 0,
  timeoutMs: 400,
  onStoreFailure: "closed",
  seed: 1,
};
