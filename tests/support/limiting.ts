import type { Charge, Decision, Limit } from "../../lib/limiter/limit.ts";
import { bucketShape } from "../../lib/limiter/bucket.ts";
import { Limiter } from "../../lib/limiter/limiter.ts";
import { MemoryStore } from "../../lib/limiter/stores/memory_store.ts";
import type { BucketStore, BucketWrite } from "../../lib/limiter/stores/bucket_store.ts";
import { ManualClock } from "./manual_clock.ts";

/** One token a second, five at once. */
export const PLAIN = limit({});

/** A limit of one token a second and five at once, but for what is said. */
export function limit(
  {
    tokens = 1,
    periodMs = 1_000,
    burst = 5,
    waitMs = 0,
    queue = 3,
    name = "it",
    onStoreFailure = "closed",
  }: Partial<Omit<Limit, "shape">> & { tokens?: number; periodMs?: number; burst?: number },
): Limit {
  const shape = bucketShape(tokens, periodMs, burst);
  return { name, shape, waitMs, queue, onStoreFailure };
}

/** A store in memory that takes 10 ms for everything, and remembers what it was asked. */
export class WatchedStore implements BucketStore {
  readonly maxWrites: number;
  readonly concurrency: number;
  readonly skewMs = 0;
  /** The keys of each read. */
  readonly reads: (readonly string[])[] = [];
  /** The keys of each commit. */
  readonly commits: string[][] = [];
  /** How many commits more change nothing, as if another process had been faster. */
  conflicts = 0;
  /** Whether it fails whatever it is asked. */
  isLost = false;
  readonly #store: MemoryStore;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock, { maxWrites = 100, concurrency = 2 } = {}) {
    this.#clock = clock;
    this.#store = new MemoryStore(clock);
    this.maxWrites = maxWrites;
    this.concurrency = concurrency;
  }

  get asked(): number {
    return this.reads.length + this.commits.length;
  }

  async read(keys: readonly string[]) {
    this.reads.push(keys);
    await this.#clock.sleep(10);
    if (this.isLost) throw new Error("the store is lost");
    return await this.#store.read(keys);
  }

  async commit(writes: readonly BucketWrite[]) {
    this.commits.push(writes.map(({ key }) => key));
    await this.#clock.sleep(10);
    if (this.isLost) throw new Error("the store is lost");
    return this.conflicts-- > 0 ? undefined : await this.#store.commit(writes);
  }
}

/** A limiter over such a store, and a way to ask it. */
export function start(
  options: { maxWrites?: number; concurrency?: number; maxBuckets?: number; store?: WatchedStore } =
    {},
) {
  const clock = new ManualClock();
  const store = new WatchedStore(clock, options);
  const { maxBuckets = 100 } = options;
  const newLimiter = () => new Limiter({ store, clock, random: () => 0.5, maxBuckets });
  const limiter = newLimiter();
  /** Asks; the decision comes as the clock moves. */
  const ask = (
    { key = "key", tokens = 1, of = PLAIN, signal = QUIET, deadline = Infinity, by = limiter } = {},
  ) => asking(by, [{ key, limit: of, tokens }], signal, deadline, clock);
  return { clock, store, limiter, newLimiter, ask };
}

/** Never aborts. */
export const QUIET = new AbortController().signal;

/** A question and, once there is one, its answer. */
export interface Asking {
  readonly decision: Promise<Decision>;
  outcome: string;
  /** When it was answered. */
  at: number;
}

/** Asks; the answer comes as the clock moves. */
export function asking(
  limiter: Limiter,
  charges: readonly Charge[],
  signal: AbortSignal,
  deadline: number,
  clock: ManualClock,
): Asking {
  const decision = Promise.resolve(limiter.take(charges, { signal, deadline }));
  const asked: Asking = { decision, outcome: "none", at: NaN };
  decision.then(({ outcome }) => {
    asked.outcome = outcome;
    asked.at = clock.monotonic();
  }, () => asked.outcome = "left");
  return asked;
}

/** What the store says, the time being passed that it takes. */
export async function answer<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  await clock.advance(10);
  return await promise;
}

/** So many of them. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** What was answered so far. */
export function outcomesOf(asked: readonly Asking[]): string[] {
  return asked.map(({ outcome }) => outcome);
}
