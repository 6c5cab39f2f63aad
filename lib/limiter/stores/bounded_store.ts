import type { Clock } from "../../core/clock.ts";
import { StoreTimeout } from "../../store/store_timeout.ts";
import { within } from "../../core/within.ts";
import type { BucketStore, BucketWrite, StoredBucket } from "./bucket_store.ts";

/** A store of which no call takes longer than `timeoutMs`: KV Connect, for one, retries for ever. */
export class BoundedStore implements BucketStore {
  readonly maxWrites: number;
  readonly concurrency: number;
  readonly skewMs: number;
  readonly repeatsAfterMs: number;
  readonly #store: BucketStore;
  readonly #clock: Clock;
  readonly #timeoutMs: number;

  constructor(store: BucketStore, clock: Clock, timeoutMs: number) {
    this.#store = store;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    ({ maxWrites: this.maxWrites, concurrency: this.concurrency, skewMs: this.skewMs } = store);
    this.repeatsAfterMs = store.repeatsAfterMs ?? Infinity;
  }

  read(keys: readonly string[]): Promise<StoredBucket[]> {
    return this.#within(this.#store.read(keys));
  }

  commit(writes: readonly BucketWrite[]): Promise<string | undefined> {
    return this.#within(this.#store.commit(writes));
  }

  #within<T>(answer: Promise<T>): Promise<T> {
    return within(
      answer,
      this.#timeoutMs,
      this.#clock,
      () => new StoreTimeout(this.#timeoutMs),
    );
  }
}
