import type { StoreGuard } from "../../store/store_guard.ts";
import type { BucketStore, BucketWrite, StoredBucket } from "./bucket_store.ts";

/** A store whose calls go through the guard: within their time, and not while its circuit is open. */
export class GuardedStore implements BucketStore {
  readonly maxWrites: number;
  readonly concurrency: number;
  readonly skewMs: number;
  readonly repeatsAfterMs: number;
  readonly #store: BucketStore;
  readonly #guard: Pick<StoreGuard, "admits" | "call">;

  constructor(store: BucketStore, guard: Pick<StoreGuard, "admits" | "call">) {
    this.#store = store;
    this.#guard = guard;
    ({ maxWrites: this.maxWrites, concurrency: this.concurrency, skewMs: this.skewMs } = store);
    this.repeatsAfterMs = store.repeatsAfterMs ?? Infinity;
  }

  get isAvailable(): boolean {
    return this.#guard.admits("write");
  }

  read(keys: readonly string[]): Promise<StoredBucket[]> {
    return this.#guard.call("prepare", () => this.#store.read(keys));
  }

  commit(writes: readonly BucketWrite[]): Promise<string | undefined> {
    return this.#guard.call("write", () => this.#store.commit(writes));
  }
}
