import { assert } from "@std/assert";
import type { Clock } from "../../lib/core/clock.ts";
import { bucketShape } from "../../lib/limiter/bucket.ts";
import type { Grant, Limit } from "../../lib/limiter/limit.ts";
import { MemoryStore } from "../../lib/limiter/stores/memory_store.ts";
import type { BucketStore } from "../../lib/limiter/stores/bucket_store.ts";
import { ManualClock } from "../support/manual_clock.ts";
import type { AnyLimiter, NewLimiter } from "./limiter_world.ts";

/** 400 tokens, which take 4 s to come in: a lease may be spent for a second. */
const BURST = 400;
const LIMIT: Limit = {
  name: "it",
  shape: bucketShape(BURST, 4_000, BURST),
  waitMs: 0,
  queue: 0,
  onStoreFailure: "closed",
};

/** Of a quarter of them there may be leases. */
const MOST_BUCKETS = 8;

/** Two processes with one bucket. */
class Pair {
  readonly clock = new ManualClock();
  /** Where the first process's monotonic clock stands still; undefined while it goes on. */
  frozenAt: number | undefined;
  readonly first: AnyLimiter;
  readonly second: AnyLimiter;

  constructor(newLimiter: NewLimiter, latencyMs = 0) {
    const memory = new MemoryStore(this.clock);
    const { maxWrites, concurrency, skewMs } = memory;
    const store: BucketStore = {
      maxWrites,
      concurrency,
      skewMs,
      read: (keys) => memory.read(keys),
      commit: async (writes) => {
        const version = await memory.commit(writes);
        if (latencyMs > 0) await this.clock.sleep(latencyMs);
        return version;
      },
    };
    const options = { store, clock: this.clock, random: () => 0.5, maxBuckets: MOST_BUCKETS };
    const clock: Clock = {
      wall: () => this.clock.wall(),
      monotonic: () => this.frozenAt ?? this.clock.monotonic(),
      sleep: (ms, signal) => this.clock.sleep(ms, signal),
    };
    this.first = newLimiter({ ...options, clock });
    this.second = newLimiter(options);
  }

  /** Asks so many times, all at once; resolves to what was admitted. */
  async ask(limiter: AnyLimiter, times: number, tokens = 1, key = "it"): Promise<Grant[]> {
    const patience = { signal: new AbortController().signal, deadline: Infinity };
    const taken = Array.from(
      { length: times },
      () => limiter.take([{ key, limit: LIMIT, tokens }], patience),
    );
    let isDecided = false;
    const all = Promise.all(taken).finally(() => isDecided = true);
    await this.clock.advance(0);
    while (!isDecided) await this.clock.advance(1);
    const decisions = await all;
    return decisions.filter((decision) => decision.outcome === "admitted");
  }

  /** Asks for far more than there can be, at one moment: no more than a burst may come out. */
  async takeAll(): Promise<void> {
    const first = await this.ask(this.first, BURST);
    const second = await this.ask(this.second, BURST);
    const admitted = first.length + second.length;
    assert(admitted <= BURST, `${admitted} of ${BURST} at one moment`);
  }
}

/** Ways to spend a bucket and a lease of it at one moment, each where one rule alone forbids it. */
export const LEASE_ADVERSARIES = {
  async "a lease comes back when another has lowered the bucket"(newLimiter: NewLimiter) {
    const pair = new Pair(newLimiter);
    await pair.ask(pair.first, 120);
    await pair.clock.advance(590);
    await pair.ask(pair.second, 20);
    for (const pauseMs of [400, 400, 190]) {
      await pair.clock.advance(pauseMs);
      await pair.ask(pair.second, 1);
    }
    await pair.takeAll();
  },

  async "what was taken comes back after the bucket was lowered"(newLimiter: NewLimiter) {
    const pair = new Pair(newLimiter);
    // What the first takes of it, it takes in the store: it has leases enough, of others.
    for (const other of ["one", "two"]) await pair.ask(pair.first, 100, 1, other);
    const [taken] = await pair.ask(pair.first, 1, 90);
    await pair.ask(pair.second, 10, 4);
    taken?.refund(() => true);
    await pair.ask(pair.first, 1);
    for (const pauseMs of [400, 400, 190]) {
      await pair.ask(pair.second, 1);
      await pair.clock.advance(pauseMs);
    }
    await pair.takeAll();
  },

  async "a monotonic clock stands still"(newLimiter: NewLimiter) {
    const pair = new Pair(newLimiter);
    await pair.ask(pair.first, 100);
    pair.frozenAt = pair.clock.monotonic();
    await pair.clock.advance(1_400);
    await pair.takeAll();
  },

  async "the store is slow to grant a lease"(newLimiter: NewLimiter) {
    const pair = new Pair(newLimiter, 300);
    await pair.ask(pair.first, 100);
    for (const pauseMs of [400, 400, 190]) {
      await pair.ask(pair.first, 1);
      await pair.clock.advance(pauseMs);
    }
    const first = await pair.ask(pair.first, 140);
    const second = await pair.ask(pair.second, BURST);
    const admitted = first.length + second.length;
    assert(admitted <= BURST, `${admitted} of ${BURST} at one moment`);
  },
} as const satisfies Record<string, (newLimiter: NewLimiter) => Promise<void>>;

/** The name of an adversary. */
export type LeaseAdversary = keyof typeof LEASE_ADVERSARIES;
