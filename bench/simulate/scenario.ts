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

/** The parameters of a simulation. */
export interface Scenario {
  readonly shape: Shape;
  readonly spread: Spread;
  readonly processes: number;
  readonly requests: number;
  /** How many clients there are, where the shape has several. */
  readonly clients: number;
  /** Tokens per second. */
  readonly rate: number;
  /** Tokens that a bucket holds. */
  readonly burst: number;
  /** How much a client requests (of `zipf`: the busiest), as a share of the rate. */
  readonly load: number;
  /** Mean latency to the store, one way (ms). */
  readonly latencyMs: number;
  /** Share by which the latency varies. */
  readonly jitter: number;
  /** Commits per second that the store can do, one at a time; further ones queue. */
  readonly capacity: number;
  /** Share of calls that fail, and did nothing. */
  readonly failing: number;
  /** Share of calls that never reply, and did nothing. */
  readonly hanging: number;
  /** Share of calls that never reply, but did their work. */
  readonly losing: number;
  /** Buckets per commit. */
  readonly maxWrites: number;
  /** Concurrent commits per process. */
  readonly concurrency: number;
  /** The clock skew that the limiter allows for (ms). */
  readonly skewMs: number;
  /** The clock skew that there is (ms). */
  readonly apartMs: number;
  /** Timeout of a call to the store (ms). */
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
